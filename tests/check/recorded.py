"""What lsof and netstat of macOS, and netstat of Windows, print: lines of recordings, a few of each kind."""

# ruff: noqa: E501 - as they were printed

LSOF = """\
COMMAND     PID USER   FD   TYPE             DEVICE SIZE/OFF NODE NAME
rapportd    977 anna   12u  IPv4 0xac9dbfba11240ff3      0t0  TCP *:56355 (LISTEN)
python3.1  4242 anna    6u  IPv4 0x122ac2905fd913f7      0t0  TCP *:396 (LISTEN)
python3.1  4242 anna    7u  IPv4 0xbb3598ab9248368d      0t0  UDP 192.168.1.20:396
python3.1  4242 anna    8u  IPv6 0xd5b34b0a5fe5f40f      0t0  TCP [::1]:2010 (LISTEN)
Google Ch  4321 anna   45u  IPv4 0xf2c1d09b5a3a4d11      0t0  UDP 192.168.1.20:43981->142.250.183.14:443
Brave\\x20  4400 anna   57u  IPv6 0xcd96ae60ccee0a74      0t0  TCP [fe80:b::454]:43982->[fe80:b::4f7]:443 (ESTABLISHED)
mDNSRespo   412 _mdns   9u  IPv4 0x50a6b0a5fe5f40f0      0t0  UDP *:*
"""
MACOS_NETSTAT = """\
Active Internet connections (including servers)
Proto Recv-Q Send-Q  Local Address          Foreign Address        (state)
tcp4       0      0  192.168.1.20.43982     140.82.112.3.443       ESTABLISHED
tcp4       0      0  192.168.1.20.524       192.168.1.9.59963      TIME_WAIT
tcp46      0      0  *.524                  *.*                    LISTEN
tcp4       0      0  *.396                  *.*                    LISTEN
tcp6       0      0  ::1.2010               *.*                    LISTEN
udp4       0      0  *.213                  *.*
udp6       0      0  fe80::1%lo0.396        *.*
udp4       0      0  *.*                    *.*
Active Multipath Internet connections
Proto/ID  Flags      Local Address          Foreign Address        (state)
icm6       0      0  *.*                    *.*
"""
WINDOWS_NETSTAT = """

Active Connections

  Proto  Local Address          Foreign Address        State           PID
  TCP    0.0.0.0:135            0.0.0.0:0              LISTENING       992
  TCP    127.0.0.1:396          0.0.0.0:0              LISTENING       4321
  TCP    127.0.0.1:396          127.0.0.1:51234        ESTABLISHED     4321
  TCP    192.168.1.20:524       192.168.1.9:59963      TIME_WAIT       0
  TCP    [::]:2010              [::]:0                 LISTENING       992
  UDP    0.0.0.0:43981          *:*                                    1044
  UDP    [fe80::1%5]:396        *:*                                    1044
"""
GERMAN_NETSTAT = """
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:396            0.0.0.0:0              ABHÖREN         4321
  TCP    192.168.1.20:43981     142.250.183.14:443     HERGESTELLT     8044
  UDP    0.0.0.0:213            *:*                                    1044
"""
