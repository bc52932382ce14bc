/* SHA-256 against the examples of FIPS 180-4 and of NIST's test vectors, in one piece and in many.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include "scratch.h"
#include "sha256.h"
#include "tap.h"
#include "xo_file.h"

static void hash_is(const char *text, const char *want, const char *fact)
{
    char hex[65];
    xo_sha256_hex(hex, text, strlen(text));
    tap_equal_text(hex, want, fact);
}

static void the_standard_agrees(void)
{
    char *million = malloc(1000001);
    memset(million, 'a', 1000000);
    million[1000000] = '\0';
    hash_is("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", "nothing");
    hash_is("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "one block");
    hash_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1", "two blocks");
    hash_is("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
            "nopqrstu", "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1", "112 bytes");
    hash_is(million, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0", "a million a");
    free(million);
}

static void pieces_do_not_matter(void)
{
    char text[300], whole[65], parts[65];
    struct xo_sha256 s;
    int same = 1;
    for (size_t k = 0; k < sizeof text; k++)
        text[k] = (char)(k * 7);
    for (size_t length = 0; length <= sizeof text; length++) {
        xo_sha256_hex(whole, text, length);
        xo_sha256_begin(&s);
        for (size_t at = 0, step = 1 + length % 70; at < length; at += step)
            xo_sha256_add(&s, text + at, length - at < step ? length - at : step);
        xo_sha256_end(&s, parts);
        same &= !strcmp(whole, parts);
    }
    tap_ok(same, "any length up to 300 in pieces of any size");
}

static void files_are_hashed(void)
{
    char hex[65];
    struct xo_info info = { "" };
    if (!scratch_enter())
        return;
    scratch_put("abc", "abc", 3);
    tap_ok(!xo_sha256_file(hex, "abc", &info) && !strncmp(hex, "ba7816bf", 8), "a file");
    tap_ok(xo_sha256_file(hex, "absent", &info) == ENOENT && strstr(info.text, "absent: cannot read"),
           "one that is not there is named");
    tap_ok(xo_sha256_file(hex, ".", &info) != 0, "a folder is an error");
    scratch_leave();
}

int main(void)
{
    the_standard_agrees();
    pieces_do_not_matter();
    files_are_hashed();
    return tap_done();
}
