"""Options 62 and 63 as the usual DHCP servers want them in their files. Pure.

As raw octets throughout: dhcpd's own names for the suboptions were seen to send an empty option 63.
"""

from nwip.discovery.dhcp.information import Information, encode, encode_domain

SERVERS = ("dnsmasq", "dhcpd", "kea", "hex")


def render(information: Information, server: str) -> str:
    """Return the lines to paste for one of `SERVERS`. Raises `ValueError` for what does not fit."""
    name, value = information.domain, encode(information)[2:]
    encode_domain(name)
    colons = value.hex(":")
    match server:
        case "dnsmasq":
            return f"dhcp-option=62,{name}\ndhcp-option=63,{colons}"
        case "dhcpd":
            return f'option nwip-domain "{name}";\noption nwip-suboptions {colons};'
        case "kea":
            return (
                '"option-data": [\n'
                f'    {{ "code": 62, "csv-format": false, "data": "{name.encode().hex().upper()}" }},\n'
                f'    {{ "code": 63, "csv-format": false, "data": "{value.hex().upper()}" }}\n'
                "]"
            )
        case _:
            return f"{encode_domain(name).hex(' ').upper()}\n{encode(information).hex(' ').upper()}"
