local nmap = require "nmap"
local stdnse = require "stdnse"

description = [[
Says what nwip or another NetWare/IP speaks on TCP 396 and 2010, and on UDP 213, 396 and 43981: the domain,
and whether it is sealed. Nothing that is asked leaves anything behind.

A DOSBox server on UDP 213 answers only who registers, and keeps him until it ends; it has 16 places. The
argument nwip.register asks it for one.
]]

---
-- @usage nmap -sU -sS -p T:396,2010,U:213,396,43981 --script "$(nwip check --nmap)/nwip.nse" HOST
-- @args nwip.register  Take a place on a DOSBox server.
-- @output
-- PORT    STATE SERVICE
-- 396/tcp open  nwip-dss
-- | nwip:
-- |   protocol: DSS
-- |   domain: games.example.org
-- |_  name: museum

author = "The nwip founders"
license = "MIT"
categories = {"discovery", "safe"}

local HELLO = "\x00\x00\x007\x99\x01\x01\xa0\xc4\x10nmap\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc4\x10nmap\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xa6reader\xa5check\x00\x00"
local NEAREST = "\xff\xff\x00\x22\x00\x04\x00\x00\x00\x00\x02nwip\x3f\x04R\x00\x00\x00\x00\x02nmap\x01\x04R\x00\x03\x01\x8c\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
local STRANGER = "\xff\xff\x00\x28\x00\x01\x00\x00\x00\x00\x02nwip\x3f\x04S\x00\x00\x00\x00\x02nmap\x01\x04S\x00\x01\xff\xff\xff\xff\xff\xff\xff\xff"
local REGISTRATION = "\xff\xff\x00\x1e" .. ("\x00"):rep(12) .. "\x00\x02" .. ("\x00"):rep(10) .. "\x00\x02"

local PORTS = {
  tcp = {[396] = true, [2010] = true, [10396] = true},
  udp = {[213] = true, [396] = true, [10213] = true, [10396] = true, [43981] = true},
}
local WAIT = 2000 -- milliseconds
local REFUSED = {[13] = "DSS, for other DSSs", [15] = "DSS of a sealed domain"}

portrule = function(_, port)
  local known = PORTS[port.protocol]
  return known ~= nil and known[port.number] == true and (port.state == "open" or port.state == "open|filtered")
end

-- What a port answers to `question`, nil when nothing comes.
local function ask(host, port, question)
  local socket = nmap.new_socket(port.protocol)
  socket:set_timeout(WAIT)
  local answer
  if socket:connect(host, port) and socket:send(question) then
    local came, octets = socket:receive_bytes(1)
    answer = came and octets or nil
  end
  socket:close()
  return answer
end

-- A string of MessagePack at `place`, and the place behind it; nil where there is none.
local function text(octets, place)
  local head = octets:byte(place)
  if head == nil then return nil end
  if head >= 0xa0 and head <= 0xbf then
    local size = head - 0xa0
    return octets:sub(place + 1, place + size), place + 1 + size
  end
  if head == 0xd9 and #octets > place then
    local size = octets:byte(place + 1)
    return octets:sub(place + 2, place + 1 + size), place + 2 + size
  end
  return nil
end

-- What a DSS says to a reader's Hello: its own Hello (tag 1), or that it refuses (tag 2).
local function of_session(answer, told)
  local array, tag = answer:byte(5, 6)
  if array == 0x99 and tag == 1 and answer:byte(7) == 1 then
    local domain, behind = text(answer, 8)
    if domain == nil then return nil end
    local _, name_at = text(answer, behind + 36) -- behind identity and boot, 18 octets each, the role
    told.protocol = "DSS"
    told.domain = domain
    told.name = name_at and text(answer, name_at)
    return "nwip-dss"
  end
  if array == 0x93 and tag == 2 then
    told.protocol = REFUSED[answer:byte(7)] or "DSS"
    if told.protocol == "DSS" then told.refuses = text(answer, 8) end
    return "nwip-dss"
  end
  return nil
end

local function of_nearest(answer, told)
  if answer:sub(31, 34) ~= "\x00\x04\x01\x8c" then return nil end
  told.protocol = "NetWare/IP, nearest server"
  told.domain = answer:sub(35, 82):match("^[^%z]*")
  return "netware-ip"
end

local function of_players(host, port, told)
  local answer = ask(host, port, STRANGER)
  if answer and #answer == 30 and answer:sub(11, 18) == ("\xff"):rep(6) .. "\x00\x02" then
    told.protocol = "DOSBox IPX, nwip's server"
    return "dosbox-ipx"
  end
  if answer or not stdnse.get_script_args("nwip.register") then return nil end
  answer = ask(host, port, REGISTRATION)
  if answer and #answer >= 30 and answer:sub(17, 18) == "\x00\x02" then
    told.protocol = "DOSBox IPX"
    return "dosbox-ipx"
  end
  return nil
end

action = function(host, port)
  local told = stdnse.output_table()
  local service, answer
  if port.protocol == "tcp" then
    answer = ask(host, port, HELLO)
    service = answer and of_session(answer, told)
  elseif port.number % 10000 == 213 then
    service = of_players(host, port, told)
  else
    answer = ask(host, port, NEAREST)
    service = answer and of_nearest(answer, told)
  end
  if not service then return nil end
  port.version.name = service
  nmap.set_port_state(host, port, "open")
  nmap.set_port_version(host, port)
  return told
end
