-- A dissector of NetWare/IP as nwip speaks it, for Wireshark and tshark 4.0 and later.
--
-- TCP 396 and 2010, also 10396: sessions with a DSS and between DSSs, see docs/protocol.md: frames of a length and
-- one MessagePack array each. UDP 396, 10396 and 43981: plain IPX packets, for Wireshark's own dissector.
--
-- Use it once:      tshark -X lua_script:nwip.lua -r FILE
-- or for good:      copy it to the personal Lua plugins (Help, About Wireshark, Folders)
-- Other ports:      Edit, Preferences, Protocols, NWIP; or -o nwip.tcp_ports:396,2010,20396
-- Filters:          nwip.message == "Register", nwip.service.name == "MUSEUM", nwip.malformed

local nwip = Proto("nwip", "NetWare/IP for today")

local LARGEST_MESSAGE = 1048576
local LENGTH_SIZE = 4
local VERSION = 1
local MOST_NAMES = 12 -- in the info column
local DEEPEST = 16 -- of what is not in the tables below

nwip.prefs.tcp_ports = Pref.range("TCP ports", "396,2010,10396", "Ports of sessions with DSSs", 65535)
nwip.prefs.udp_ports = Pref.range(
    "UDP ports of IPX", "396,10396,43981", "Ports whose datagrams are IPX packets: questions and data", 65535)

-- The tables of docs/protocol.md. A member is {name, type}, of a list or another record {name, "list", of what}, and
-- has `missing` where it may be missing at an end.
-- Types: int, reason, seconds, text, bool; network and word, integers shown in hexadecimal; id, digest, prefix, secret
-- and node, so many octets; bytes, any number of them.

local REASONS = {
    [1] = "VERSION", [2] = "DOMAIN", [3] = "MALFORMED", [4] = "EXPECTED_HELLO", [5] = "LATE", [6] = "FULL",
    [7] = "NOT_ADMITTED", [8] = "NOT_ALLOWED", [9] = "REPLACED", [10] = "SLOW", [11] = "IDLE", [12] = "EXPIRED",
    [13] = "ROLE", [14] = "SELF", [15] = "SEALED", [16] = "REVOKED",
}
local VALUES = { [1] = "Service", [2] = "Route", [3] = "Host", [4] = "Node", [5] = "Dss" }

local KEYS = {
    [1] = "KeyOfService", [2] = "KeyOfRoute", [3] = "KeyOfHost", [4] = "KeyOfNode", [5] = "KeyOfDss",
}

local RECORDS = {
    Record = { { "owner", "id" }, { "incarnation", "int" }, { "counter", "int" }, { "value", "value" } },
    Lease = {
        { "owner", "id" }, { "incarnation", "int" }, { "renewal", "int" }, { "lease", "seconds" },
        { "age", "seconds" }, { "floor_incarnation", "int" }, { "floor_counter", "int" }, { "index", "int" },
    },
    Renewal = { { "index", "int" }, { "renewal", "int" }, { "age", "int" } },
    Withdrawal = { { "owner", "id" }, { "incarnation", "int" }, { "counter", "int" }, { "key", "key" } },
    Seen = {
        { "owner", "id" }, { "incarnation", "int" }, { "counter", "int" }, { "records", "int" },
        { "digest", "digest" },
    },
    Attachment = { { "identity", "id" }, { "boot", "id" } },
    Endpoint = { { "address", "text" }, { "port", "int" } },
    Service = {
        { "kind", "int" }, { "type", "word" }, { "name", "text" }, { "network", "network" }, { "node", "node" },
        { "socket", "word" }, { "hops", "int" },
    },
    Route = {
        { "kind", "int" }, { "network", "network" }, { "hops", "int" }, { "ticks", "int" },
        { "lan", "network", missing = true }, { "turn", "int", missing = true },
    },
    Host = { { "kind", "int" }, { "node", "node" }, { "moves", "int" } },
    Node = { { "kind", "int" }, { "node", "node" }, { "name", "text" }, { "endpoints", "list", "Endpoint" } },
    Dss = {
        { "kind", "int" }, { "identity", "id" }, { "name", "text" }, { "sessions", "list", "Endpoint" },
        { "peers", "list", "Endpoint" },
    },
    KeyOfService = { { "kind", "int" }, { "type", "word" }, { "name", "text" } },
    KeyOfRoute = { { "kind", "int" }, { "network", "network" }, { "name", "text" } },
    KeyOfHost = { { "kind", "int" }, { "node", "node" }, { "name", "text" } },
    KeyOfNode = { { "kind", "int" }, { "node", "node" }, { "name", "text" } },
    KeyOfDss = { { "kind", "int" }, { "identity", "id" }, { "name", "text" } },
    Parameters = {
        { "term", "int" }, { "version", "int" }, { "identity", "id" }, { "domain", "text" },
        { "network", "network" }, { "data_port", "int" }, { "node_prefix", "prefix" },
        { "ticks_same_subnet", "int" }, { "ticks_same_network", "int" }, { "ticks_elsewhere", "int" },
        { "broadcasts", "text" }, { "broadcast_rate", "int" }, { "broadcast_burst", "int" }, { "hop_limit", "int" },
        { "lease", "seconds" }, { "renewal", "seconds" }, { "synchronisation", "seconds" },
        { "filters", "list", "Filter" }, { "networks", "text", missing = true },
        { "grants", "list", "Grant", missing = true },
    },
    Grant = { { "networks", "list", "network" }, { "owner", "text" }, { "source", "text" } },
    Denial = { { "place", "int" }, { "why", "text" } },
    Filter = {
        { "action", "text" }, { "kind", "text" }, { "types", "list", "word" }, { "name", "text" },
        { "networks", "list", "network" }, { "owner", "text" },
    },
}
local MESSAGES = {
    [1] = { "Hello",
        { "version", "int" }, { "domain", "text" }, { "identity", "id" }, { "boot", "id" },
        { "role", "text" }, { "name", "text" }, { "incarnation", "int" }, { "counter", "int" } },
    [2] = { "Refused", { "reason", "reason" }, { "text", "text" } },
    [3] = { "DomainParameters", { "parameters", "record", "Parameters" } },
    [4] = { "Register",
        { "request", "int" }, { "incarnation", "int" }, { "renewal", "int" }, { "records", "list", "Record" } },
    [5] = { "Acknowledge", { "request", "int" }, { "refused", "int" }, { "denied", "list", "Denial", missing = true } },
    [6] = { "Renew", { "request", "int" }, { "incarnation", "int" }, { "renewal", "int" } },
    [7] = { "Withdraw", { "request", "int" }, { "withdrawals", "list", "Withdrawal" } },
    [8] = { "Complete", { "request", "int" }, { "incarnation", "int" }, { "counter", "int" } },
    [9] = { "Subscribe", { "kinds", "list", "int" } },
    [10] = { "Delta",
        { "leases", "list", "Lease" }, { "records", "list", "Record" }, { "withdrawals", "list", "Withdrawal" } },
    [11] = { "SnapshotEnd", { "records", "int" } },
    [12] = { "Goodbye", { "incarnation", "int" }, { "renewal", "int" }, { "text", "text" } },
    [13] = { "Attached", { "nodes", "list", "Attachment" }, { "number", "int" }, { "boot", "id" } },
    [14] = { "Neighbours", { "identities", "list", "id" } },
    [15] = { "Digest", { "owners", "int" }, { "digest", "digest" } },
    [16] = { "Summary", { "owners", "list", "Seen" }, { "last", "bool" }, { "answer", "bool" } },
    [17] = { "Synchronised" },
    [18] = { "Renewed", { "renewals", "list", "Renewal" } },
    [19] = { "Roster", { "statements", "list", "bytes" } },
    [20] = { "DomainSecret", { "epoch", "int" }, { "secret", "secret" } },
    [21] = { "Joined", { "statement", "bytes" } },
}

-- The fields of the tree: one for each scalar member, nwip.RECORD.MEMBER or nwip.MESSAGE.MEMBER in small letters.

local SIZES = { id = 16, digest = 8, prefix = 2, node = 6, secret = 32 } -- of octets
local INTEGERS = { reason = 2, word = 2, network = 4 } -- octets that the field of an integer has

local function bytes_field(abbreviation, label) return ProtoField.bytes(abbreviation, label) end

local MAKERS = {
    id = bytes_field,
    digest = bytes_field,
    prefix = bytes_field,
    secret = bytes_field,
    bytes = bytes_field,
    reason = function(abbreviation, label)
        return ProtoField.uint16(abbreviation, label, base.DEC, REASONS)
    end,
    int = function(abbreviation, label) return ProtoField.uint64(abbreviation, label) end,
    seconds = function(abbreviation, label) return ProtoField.double(abbreviation, label) end,
    text = function(abbreviation, label) return ProtoField.string(abbreviation, label, base.UNICODE) end,
    node = function(abbreviation, label) return ProtoField.ether(abbreviation, label) end,
    network = function(abbreviation, label) return ProtoField.uint32(abbreviation, label, base.HEX) end,
    word = function(abbreviation, label) return ProtoField.uint16(abbreviation, label, base.HEX) end,
    bool = function(abbreviation, label) return ProtoField.bool(abbreviation, label) end,
}
local length_field = ProtoField.uint32("nwip.length", "Length")
local message_field = ProtoField.string("nwip.message", "Message")
local tag_field = ProtoField.uint64("nwip.tag", "Tag")
local other_field = ProtoField.bytes("nwip.other", "Not in the tables")
local all_fields = { length_field, message_field, tag_field, other_field }
local fields = {} -- by abbreviation

local function label_of(name)
    local words = name:gsub("_", " ")
    return words:sub(1, 1):upper() .. words:sub(2)
end

local function make_fields(owner, members, first)
    for index = first, #members do
        local name, kind, of = members[index][1], members[index][2], members[index][3]
        local abbreviation = "nwip." .. owner:lower() .. "." .. name
        local maker = MAKERS[kind == "list" and of or kind]
        if maker and not fields[abbreviation] then
            fields[abbreviation] = maker(abbreviation, label_of(name))
            all_fields[#all_fields + 1] = fields[abbreviation]
        end
    end
end

for owner, members in pairs(RECORDS) do make_fields(owner, members, 1) end
for _, message in pairs(MESSAGES) do make_fields(message[1], message, 2) end
nwip.fields = all_fields

local malformed = ProtoExpert.new(
    "nwip.malformed", "Malformed message", expert.group.MALFORMED, expert.severity.ERROR)
nwip.experts = { malformed }

-- MessagePack. `head` reads what begins at `position`: its kind, where its octets begin and how many they are (of
-- arrays and maps: how many elements), and where reading goes on. What cannot be is an error with a table.

local function fail(text) error({ malformed = text }, 0) end

local function need(buffer, position, size)
    if position + size > buffer:len() then fail("the message ends too early") end
end

local SIZED = { -- first octet: kind, size of the length behind it
    [0xc4] = { "bytes", 1 }, [0xc5] = { "bytes", 2 }, [0xc6] = { "bytes", 4 },
    [0xd9] = { "text", 1 }, [0xda] = { "text", 2 }, [0xdb] = { "text", 4 },
    [0xdc] = { "array", 2 }, [0xdd] = { "array", 4 }, [0xde] = { "map", 2 }, [0xdf] = { "map", 4 },
    [0xc7] = { "extension", 1 }, [0xc8] = { "extension", 2 }, [0xc9] = { "extension", 4 },
}
local FIXED = { -- first octet: kind, size
    [0xc0] = { "nil", 0 }, [0xc2] = { "bool", 0 }, [0xc3] = { "bool", 0 },
    [0xca] = { "float", 4 }, [0xcb] = { "float", 8 },
    [0xcc] = { "int", 1 }, [0xcd] = { "int", 2 }, [0xce] = { "int", 4 }, [0xcf] = { "int", 8 },
    [0xd0] = { "negative", 1 }, [0xd1] = { "negative", 2 }, [0xd2] = { "negative", 4 }, [0xd3] = { "negative", 8 },
    [0xd4] = { "extension", 2 }, [0xd5] = { "extension", 3 }, [0xd6] = { "extension", 5 },
    [0xd7] = { "extension", 9 }, [0xd8] = { "extension", 17 },
}

local function container(buffer, kind, start, count)
    local least = kind == "map" and 2 * count or count
    if start + least > buffer:len() then fail("the message ends too early") end -- an element has one octet at least
    return kind, start, count, start
end

local function head(buffer, position)
    need(buffer, position, 1)
    local first = buffer(position, 1):uint()
    local start = position + 1
    if first < 0x80 then return "int", position, 1, start end
    if first < 0x90 then return container(buffer, "map", start, first - 0x80) end
    if first < 0xa0 then return container(buffer, "array", start, first - 0x90) end
    if first < 0xc0 then
        need(buffer, start, first - 0xa0)
        return "text", start, first - 0xa0, start + first - 0xa0
    end
    if first >= 0xe0 then return "negative", position, 1, start end
    local fixed, sized = FIXED[first], SIZED[first]
    if fixed then
        need(buffer, start, fixed[2])
        if fixed[1] == "bool" then return "bool", position, 1, start end
        return fixed[1], start, fixed[2], start + fixed[2]
    end
    if not sized then fail("C1 is no MessagePack") end
    need(buffer, start, sized[2])
    local size = buffer(start, sized[2]):uint()
    start = start + sized[2]
    if sized[1] == "array" or sized[1] == "map" then return container(buffer, sized[1], start, size) end
    if sized[1] == "extension" then size = size + 1 end
    need(buffer, start, size)
    return sized[1], start, size, start + size
end

local function skip(buffer, position, depth)
    local kind, _, count, next_position = head(buffer, position)
    if kind ~= "array" and kind ~= "map" then return next_position end
    if depth == DEEPEST then fail("arrays in arrays, too deep") end
    for _ = 1, kind == "map" and 2 * count or count do
        next_position = skip(buffer, next_position, depth + 1)
    end
    return next_position
end

-- The tree. Each function adds what begins at `position` and returns where reading goes on.

local add_record

local function text_of(buffer, start, size)
    return size > 0 and buffer(start, size):string(ENC_UTF_8) or ""
end

local function add_scalar(tree, buffer, position, field, kind, what)
    local found, start, size, next_position = head(buffer, position)
    local all = buffer(position, next_position - position)
    if kind == "seconds" and (found == "float" or found == "int") then
        local octets = buffer(start, size)
        local value = found == "float" and octets:float() or tonumber(tostring(octets:uint64()))
        tree:add(field, all, value)
        return next_position
    end
    local wanted = INTEGERS[kind] and "int" or SIZES[kind] and "bytes" or kind
    if found ~= wanted then fail(what .. " is of another type") end
    if kind == "int" then
        tree:add(field, all, buffer(start, size):uint64())
    elseif kind == "text" then
        tree:add(field, all, text_of(buffer, start, size))
    elseif kind == "bool" then
        tree:add(field, all, buffer(start, 1):uint() == 0xc3)
    elseif kind == "bytes" then
        if size == 0 then fail(what .. " is empty") end
        tree:add(field, buffer(start, size))
    elseif INTEGERS[kind] then
        if size > INTEGERS[kind] then fail(what .. " is too large") end
        tree:add(field, all, buffer(start, size):uint())
    else
        if size ~= SIZES[kind] then fail(what .. " has not " .. SIZES[kind] .. " octets") end
        tree:add(field, buffer(start, size))
    end
    return next_position
end

local function add_list(tree, buffer, position, owner, name, of)
    local kind, _, count, next_position = head(buffer, position)
    if kind ~= "array" then fail(name .. " is no list") end
    local branch = tree:add(buffer(position), label_of(name) .. ": " .. count)
    for _ = 1, count do
        if RECORDS[of] then
            next_position = add_record(branch, buffer, next_position, of)
        else
            local field = fields["nwip." .. owner:lower() .. "." .. name]
            next_position = add_scalar(branch, buffer, next_position, field, of, name)
        end
    end
    branch:set_len(next_position - position)
    return next_position
end

local function add_other(tree, buffer, position)
    local next_position = skip(buffer, position, 0)
    tree:add(other_field, buffer(position, next_position - position))
    return next_position
end

-- Adds an array whose first element, its kind, says which record it is.
local function add_by_kind(tree, buffer, position, records)
    local kind, _, count, first = head(buffer, position)
    if kind ~= "array" or count == 0 then fail("an array that begins with its kind is missing") end
    local found, start, size = head(buffer, first)
    if found ~= "int" then fail("a kind is no number") end
    local name = records[tonumber(tostring(buffer(start, size):uint64()))]
    if not name then return add_other(tree, buffer, position) end
    return add_record(tree, buffer, position, name)
end

local function add_members(tree, buffer, position, owner, members, first, count)
    for index = first, #members do
        local name, kind, of = members[index][1], members[index][2], members[index][3]
        if index - first >= count then
            if members[index].missing then return position end
            fail(owner .. " has no " .. name)
        end
        if kind == "list" then
            position = add_list(tree, buffer, position, owner, name, of)
        elseif kind == "record" then
            position = add_record(tree, buffer, position, of)
        elseif kind == "value" then
            position = add_by_kind(tree, buffer, position, VALUES)
        elseif kind == "key" then
            position = add_by_kind(tree, buffer, position, KEYS)
        else
            local field = fields["nwip." .. owner:lower() .. "." .. name]
            position = add_scalar(tree, buffer, position, field, kind, name)
        end
    end
    for _ = #members - first + 2, count do -- a later version has more elements
        position = add_other(tree, buffer, position)
    end
    return position
end

function add_record(tree, buffer, position, owner)
    local kind, _, count, first = head(buffer, position)
    if kind ~= "array" then fail(owner .. " is no array") end
    local branch = tree:add(buffer(position), owner)
    local next_position = add_members(branch, buffer, first, owner, RECORDS[owner], 1, count)
    branch:set_len(next_position - position)
    return next_position
end

-- Of a Hello of another version only the version is known to stand where it does.
local function is_of_another_version(buffer, position, count)
    if count < 2 then return false end
    local found, start, size = head(buffer, position)
    return found == "int" and buffer(start, size):uint64() ~= UInt64(VERSION)
end

local function add_message(tree, buffer)
    local kind, _, count, first = head(buffer, 0)
    if kind ~= "array" or count == 0 then fail("a message is an array that begins with its tag") end
    local found, start, size, position = head(buffer, first)
    if found ~= "int" then fail("the tag of a message is no number") end
    local tag = buffer(start, size):uint64()
    tree:add(tag_field, buffer(first, position - first), tag)
    local members = MESSAGES[tonumber(tostring(tag))]
    local name = members and members[1] or "Unknown message " .. tostring(tag)
    tree:add(message_field, buffer(0), name):set_generated()
    tree:append_text(", " .. name)
    if tag == UInt64(1) and is_of_another_version(buffer, position, count) then
        for _ = 2, count do position = add_other(tree, buffer, position) end
    elseif members then
        position = add_members(tree, buffer, position, name, members, 2, count - 1)
    else
        for _ = 2, count do position = add_other(tree, buffer, position) end
    end
    if position < buffer:len() then fail((buffer:len() - position) .. " octets behind the message") end
    return name
end

-- Messages in the stream.

local names = {} -- of the messages that end in this packet

local function length_of(buffer, _, offset)
    local size = buffer(offset, LENGTH_SIZE):uint()
    if size == 0 or size > LARGEST_MESSAGE then return buffer:len() - offset end -- the stream cannot be read on
    return LENGTH_SIZE + size
end

local function dissect_message(buffer, _, root)
    local tree = root:add(nwip, buffer())
    local size = buffer(0, LENGTH_SIZE):uint()
    tree:add(length_field, buffer(0, LENGTH_SIZE))
    local sound, result
    if size == 0 or size > LARGEST_MESSAGE then
        sound, result = false, { malformed = "a length of " .. size .. " is not 1 to " .. LARGEST_MESSAGE }
    else
        sound, result = pcall(add_message, tree, buffer(LENGTH_SIZE):tvb())
    end
    if sound then
        names[#names + 1] = result
    elseif type(result) == "table" and result.malformed then
        names[#names + 1] = "Malformed"
        tree:add_proto_expert_info(malformed, result.malformed)
    else
        error(result, 0) -- a fault of this script: let Wireshark show it
    end
    return buffer:len()
end

local SEAL = 0x4e575331 -- NWS1, with which a sealed stream begins
local stream_of = Field.new("tcp.stream")
local sealed = {} -- by TCP stream

function nwip.init() sealed = {} end

local function is_sealed(buffer)
    local stream = stream_of()
    if not stream then return false end
    if buffer:len() >= LENGTH_SIZE and buffer(0, LENGTH_SIZE):uint() == SEAL then sealed[stream.value] = true end
    return sealed[stream.value]
end

function nwip.dissector(buffer, packet, root)
    names = {}
    packet.cols.protocol = "NWIP"
    if is_sealed(buffer) then
        packet.cols.info = "Sealed"
        root:add(nwip, buffer(), nwip.description .. ", sealed")
        return buffer:len()
    end
    local taken = dissect_tcp_pdus(buffer, root, LENGTH_SIZE, length_of, dissect_message)
    if #names > 0 then
        local rest = #names > MOST_NAMES and ", " .. #names - MOST_NAMES .. " more" or ""
        packet.cols.info = table.concat(names, ", ", 1, math.min(#names, MOST_NAMES)) .. rest
    end
    return taken
end

-- Ports.

local tcp, udp, ipx = DissectorTable.get("tcp.port"), DissectorTable.get("udp.port"), Dissector.get("ipx")
local tcp_ports, udp_ports = nil, nil

local function take_ports()
    if tcp_ports then tcp:remove(tcp_ports, nwip) end
    if udp_ports then udp:remove(udp_ports, ipx) end
    tcp_ports, udp_ports = nwip.prefs.tcp_ports, nwip.prefs.udp_ports
    tcp:add(tcp_ports, nwip)
    udp:add(udp_ports, ipx)
end

function nwip.prefs_changed() take_ports() end

take_ports()
