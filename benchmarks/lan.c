// lan.c: what a gateway between a LAN and other nodes has to do at least, in C; the yardstick for `lan_to_c`.
// lan INTERFACE NETWORK NODE ADDRESS PORT: frames (Ethernet II, IPX) that are for the interface are taken in
// batches of 64, checked, looked up, raised by one hop, and sent to ADDRESS:PORT in UDP.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { BATCH = 64, SLOT = 2048, ETHERNET = 14, HEADER = 30, IPX = 0x8137, TABLE = 256, HOPS = 16 };

struct way {
    uint8_t destination[10];  // network and node
    struct sockaddr_in to;
    int used;
};

static struct way table[TABLE];
static uint8_t slots[BATCH][SLOT];
static struct mmsghdr in[BATCH], out[BATCH];
static struct iovec in_octets[BATCH], out_octets[BATCH];

static unsigned place(const uint8_t *destination) {
    uint64_t key;
    memcpy(&key, destination + 2, sizeof key);
    return (key * 0x9E3779B97F4A7C15ull >> 32) % TABLE;
}

static struct way *look_up(const uint8_t *destination) {
    for (unsigned at = place(destination);; at = (at + 1) % TABLE) {
        if (!table[at].used) return NULL;
        if (!memcmp(table[at].destination, destination, 10)) return &table[at];
    }
}

static void add(const uint8_t *destination, struct sockaddr_in to) {
    unsigned at = place(destination);
    while (table[at].used) at = (at + 1) % TABLE;
    memcpy(table[at].destination, destination, 10);
    table[at].to = to;
    table[at].used = 1;
}

static int passes(uint8_t *frame, int length, const uint8_t *mac) {
    uint8_t *ipx = frame + ETHERNET;
    int size = ipx[2] << 8 | ipx[3];
    return length >= ETHERNET + HEADER && !memcmp(frame, mac, 6) && (frame[12] << 8 | frame[13]) == IPX &&
           ipx[0] == 0xff && ipx[1] == 0xff && size >= HEADER && size <= length - ETHERNET && ipx[4] + 1 < HOPS;
}

static int send_all(int udp, int count) {
    for (int sent = 0; sent < count;) {
        int taken = sendmmsg(udp, out + sent, count - sent, 0);
        sent += taken > 0 ? taken : 1;
    }
    return count;
}

int main(int count, char **arguments) {
    if (count != 6) return 2;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(arguments[5]))};
    uint8_t destination[10];
    for (int i = 0; i < 4; i++) sscanf(arguments[2] + 2 * i, "%2hhx", destination + i);
    for (int i = 0; i < 6; i++) sscanf(arguments[3] + 2 * i, "%2hhx", destination + 4 + i);
    if (inet_pton(AF_INET, arguments[4], &to.sin_addr) != 1) return 2;
    add(destination, to);
    for (int i = 0; i < 64; i++) {  // others that are known, so that looking up means something
        uint8_t other[10];
        memcpy(other, destination, 10);
        other[9] ^= i + 1;
        add(other, to);
    }

    int lan = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0), udp = socket(AF_INET, SOCK_DGRAM, 0);
    int buffer = 4 << 20, yes = 1;
    setsockopt(lan, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    setsockopt(lan, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes);
    struct ifreq card = {0};
    strncpy(card.ifr_name, arguments[1], IFNAMSIZ - 1);
    if (ioctl(lan, SIOCGIFHWADDR, &card)) return perror("interface"), 1;
    uint8_t mac[6];
    memcpy(mac, card.ifr_hwaddr.sa_data, 6);
    struct sockaddr_ll here = {
        .sll_family = AF_PACKET, .sll_protocol = htons(IPX), .sll_ifindex = if_nametoindex(arguments[1])};
    if (bind(lan, (void *)&here, sizeof here)) return perror("bind"), 1;

    for (int i = 0; i < BATCH; i++) {
        in_octets[i] = (struct iovec){slots[i], SLOT};
        in[i].msg_hdr.msg_iov = &in_octets[i];
        in[i].msg_hdr.msg_iovlen = 1;
        out[i].msg_hdr.msg_iov = &out_octets[i];
        out[i].msg_hdr.msg_iovlen = 1;
        out[i].msg_hdr.msg_namelen = sizeof(struct sockaddr_in);
    }
    puts("ready");
    fflush(stdout);
    struct pollfd waiting = {lan, POLLIN, 0};
    for (;;) {
        int came = recvmmsg(lan, in, BATCH, MSG_DONTWAIT, NULL), going = 0;
        if (came <= 0) {
            poll(&waiting, 1, -1);
            continue;
        }
        for (int i = 0; i < came; i++) {
            uint8_t *ipx = slots[i] + ETHERNET;
            struct way *way = passes(slots[i], in[i].msg_len, mac) ? look_up(ipx + 6) : NULL;
            if (!way) continue;
            ipx[4]++;
            out_octets[going] = (struct iovec){ipx, ipx[2] << 8 | ipx[3]};
            out[going++].msg_hdr.msg_name = &way->to;
        }
        if (going) send_all(udp, going);
    }
}
