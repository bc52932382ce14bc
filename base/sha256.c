/* SHA-256 (FIPS 180-4), names as in the standard.  For telling files apart and finding damage.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include "sha256.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "memory.h"
#include "xo_file.h"

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t rotr(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* The message schedule: 16 words of the block, 48 made from them. */
static void schedule(uint32_t W[64], const unsigned char *block)
{
    for (int t = 0; t < 16; t++)
        W[t] = (uint32_t)block[4 * t] << 24 | (uint32_t)block[4 * t + 1] << 16 |
               (uint32_t)block[4 * t + 2] << 8 | (uint32_t)block[4 * t + 3];
    for (int t = 16; t < 64; t++) {
        uint32_t s0 = rotr(W[t - 15], 7) ^ rotr(W[t - 15], 18) ^ W[t - 15] >> 3;
        uint32_t s1 = rotr(W[t - 2], 17) ^ rotr(W[t - 2], 19) ^ W[t - 2] >> 10;
        W[t] = s1 + W[t - 7] + s0 + W[t - 16];
    }
}

static void compress(uint32_t state[8], const unsigned char *block)
{
    uint32_t W[64], v[8];
    schedule(W, block);
    memcpy(v, state, sizeof v);
    for (int t = 0; t < 64; t++) {     /* v holds a b c d e f g h */
        uint32_t S1 = rotr(v[4], 6) ^ rotr(v[4], 11) ^ rotr(v[4], 25);
        uint32_t Ch = (v[4] & v[5]) ^ (~v[4] & v[6]);
        uint32_t T1 = v[7] + S1 + Ch + K[t] + W[t];
        uint32_t S0 = rotr(v[0], 2) ^ rotr(v[0], 13) ^ rotr(v[0], 22);
        uint32_t Maj = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2]);
        memmove(v + 1, v, 7 * sizeof *v);
        v[4] += T1;
        v[0] = T1 + S0 + Maj;
    }
    for (int k = 0; k < 8; k++)
        state[k] += v[k];
}

void xo_sha256_begin(struct xo_sha256 *s)
{
    static const uint32_t H0[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memcpy(s->state, H0, sizeof H0);
    s->nbytes = 0;
}

void xo_sha256_add(struct xo_sha256 *s, const void *bytes, size_t nbytes)
{
    const unsigned char *at = bytes;
    while (nbytes > 0) {
        size_t held = s->nbytes % 64, room = 64 - held, take = nbytes < room ? nbytes : room;
        if (take == 64) {
            compress(s->state, at);
        } else {
            memcpy(s->block + held, at, take);
            if (take == room)
                compress(s->state, s->block);
        }
        at += take;
        nbytes -= take;
        s->nbytes += take;
    }
}

/* A one bit, zeros up to 8 bytes before the end of a block, the length in bits. */
void xo_sha256_end(struct xo_sha256 *s, char hex[65])
{
    static const unsigned char padding[64] = { 0x80 };
    unsigned char length[8];
    uint64_t bits = 8 * s->nbytes;
    for (int k = 0; k < 8; k++)
        length[k] = (unsigned char)(bits >> (56 - 8 * k));
    xo_sha256_add(s, padding, 1 + (119 - s->nbytes % 64) % 64);
    xo_sha256_add(s, length, sizeof length);
    for (int k = 0; k < 8; k++)
        snprintf(hex + 8 * k, 9, "%08x", (unsigned)s->state[k]);
}

void xo_sha256_hex(char hex[65], const void *bytes, size_t nbytes)
{
    struct xo_sha256 s;
    xo_sha256_begin(&s);
    xo_sha256_add(&s, bytes, nbytes);
    xo_sha256_end(&s, hex);
}

int xo_sha256_file(char hex[65], const char *path, struct xo_info *info)
{
    enum { PIECE = 1 << 16 };
    struct xo_sha256 s;
    unsigned char *piece = xo_calloc(PIECE, 1);
    FILE *f = fopen(path, "rb");
    int status = f ? 0 : errno;
    size_t got;
    xo_sha256_begin(&s);
    if (!status && !piece)
        status = ENOMEM;
    while (!status && (got = fread(piece, 1, PIECE, f)) > 0)
        xo_sha256_add(&s, piece, got);
    if (!status && ferror(f))
        status = EIO;
    xo_sha256_end(&s, hex);
    if (f)
        fclose(f);
    free(piece);
    return status ? xo_fail(info, status, "%s: cannot read: %s", path, xo_strerror(status)) : 0;
}
