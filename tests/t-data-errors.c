/* Hostile and mistaken data: every one is refused at once, within bounded memory, by a line that names the file, what
 * was found and what was expected; the output stays untouched.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"

#include <errno.h>
#include <sys/resource.h>
#include <time.h>
#include "data-files.h"
#include "tap.h"
#include "xo_data.h"

static void refused(const char *specification, int status, const char *finding)
{
    xo_data *const untouched = (xo_data *)&tap_count;
    xo_data *d = untouched;
    struct xo_info info = { "" };
    clock_t start = clock();
    int got = xo_data_open(&d, specification, &info);
    double second = (double)(clock() - start) / CLOCKS_PER_SEC;
    if (got == status && d == untouched && strstr(info.text, finding) && !strchr(info.text, '\n') && second < 2) {
        tap_ok(1, "%s", info.text);
        return;
    }
    printf("# status %d, want %d; %.2f s; \"%s\", want \"%s\"\n", got, status, second, info.text, finding);
    tap_ok(0, "%s is refused", specification);
    if (!got)
        xo_data_free(d);
}

static void specifications(void)
{
    refused("", XO_ESYNTAX, "names no kind of data");
    refused("mnist:a,b", XO_ESYNTAX, "no such kind of data; expected idx:IMAGES,LABELS");
    refused("idx:images", XO_ESYNTAX, "1 name; expected idx:IMAGES,LABELS");
    refused("idx:a,b,c", XO_ESYNTAX, "3 names");
    refused("cifar10:a,b", XO_ESYNTAX, "2 names");
    refused("idx:,labels", XO_ESYNTAX, "an empty name");
    refused("idx:images,", XO_ESYNTAX, "an empty name");
    refused("cifar10:", XO_ESYNTAX, "an empty name");
    refused("idx:images,labels@", XO_ESYNTAX, "not two whole numbers");
    refused("idx:images,labels@1", XO_ESYNTAX, "not two whole numbers");
    refused("idx:images,labels@-1:3", XO_ESYNTAX, "not two whole numbers");
    refused("idx:images,labels@1:3:5", XO_ESYNTAX, "not two whole numbers");
    refused("idx:images,labels@1:99999999999999999999999", XO_ESYNTAX, "not two whole numbers");
    refused("idx:images,labels@3:3", XO_EVALUE, "expected from < to <= 20");
    refused("idx:images,labels@0:21", XO_EVALUE, "from 0 to 21, of 20 images");
    refused("cifar10:c.bin@5:99", XO_EVALUE, "from 5 to 99, of 12 images");
    refused("idx:nowhere,labels", ENOENT, "nowhere: cannot open");
    refused("idx:.,labels", EISDIR, ".: cannot read");
}

static void put_changed(const char *to, const char *from, size_t at, unsigned char byte)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    bytes[at] = (char)byte;
    scratch_put(to, bytes, nbytes);
    free(bytes);
}

static void put_cut(const char *to, const char *from, long change)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    scratch_put(to, bytes, (size_t)((long)nbytes + change));
    free(bytes);
}

static void idx(void)
{
    unsigned char claim[1024] = { 0, 0, 8, 3, 0, 0x20, 0, 0, 0, 0, 4, 0, 0, 0, 4, 0 };
    put_cut("short", "images", -1);
    put_cut("long", "images", 1);            /* the NUL behind it */
    put_cut("header", "images", -(20 * 20) - 5);
    put_cut("empty", "images", -(20 * 20) - 16);
    put_changed("magic", "images", 0, 1);
    put_changed("type", "images", 2, 0x0d);
    put_changed("dimensions", "images", 3, 9);
    put_changed("zero", "images", 11, 0);
    put_gzip("short.gz", "short", 1);
    put_gzip("long.gz", "long", 1);
    scratch_put("claim", claim, sizeof claim);
    put_gzip("claim.gz", "claim", 1);
    memset(claim + 4, 0xff, 12);
    scratch_put("overflow", claim, sizeof claim);
    put_idx("labels-19", 1, (uint32_t[]){ 19 }, 10);
    put_idx("none", 3, (uint32_t[]){ 0, 4, 5 }, 10);
    refused("idx:short,labels", XO_ESYNTAX, "announces 20 x 20 bytes, but the file holds 415");
    refused("idx:long,labels", XO_ESYNTAX, "holds 417");
    refused("idx:short.gz,labels", XO_ESYNTAX, "ends too early");
    refused("idx:long.gz,labels", XO_ESYNTAX, "goes on behind its last item");
    refused("idx:short.gz,labels@0:1", XO_ESYNTAX, "ends too early");
    refused("idx:header,labels", XO_ESYNTAX, "ends within its header");
    refused("idx:empty,labels", XO_ESYNTAX, "ends after 0 bytes");
    refused("idx:magic,labels", XO_ESYNTAX, "begins with 01 00 08 03; expected IDX");
    refused("idx:type,labels", XO_EUNSUPPORTED, "IDX of type float");
    refused("idx:dimensions,labels", XO_ESHAPE, "9 dimensions");
    refused("idx:zero,labels", XO_EVALUE, "size 0 of dimension 1");
    refused("idx:claim,labels", XO_ESYNTAX, "announces 2097152 x 1048576 bytes, but the file holds 1024");
    refused("idx:claim.gz,labels", XO_ESYNTAX, "holds at most");
    refused("idx:overflow,labels", XO_EVALUE, "not too many bytes");
    refused("idx:none,labels", XO_ESHAPE, "holds no image");
    refused("idx:images,labels-19", XO_ESHAPE, "19 labels for the 20 images");
    refused("idx:images,images", XO_ESHAPE, "3 dimensions; expected 1");
    refused("idx:labels,labels", XO_ESHAPE, "1 dimensions; expected 2 to 4");
}

static void put_behind(const char *to, const char *from, const char *more, size_t more_nbytes)
{
    size_t nbytes;
    char *bytes = scratch_get(from, &nbytes);
    memcpy(bytes + nbytes, more, more_nbytes);
    scratch_put(to, bytes, nbytes + more_nbytes);
    free(bytes);
}

static void gzip(void)
{
    size_t nbytes;
    free(scratch_get("images.gz", &nbytes));
    put_cut("cut.gz", "images.gz", -1);
    put_cut("cut-early.gz", "images.gz", 15 - (long)nbytes);
    put_cut("only-magic.gz", "images.gz", 2 - (long)nbytes);
    put_changed("crc.gz", "images.gz", nbytes - 8, 0x55);
    put_changed("length.gz", "images.gz", nbytes - 4, 0x55);
    put_changed("method.gz", "images.gz", 2, 7);
    put_behind("behind.gz", "images.gz", "tail", 4);
    put_behind("zeros.gz", "images.gz", "\0\0\0", 3);
    put_behind("half-member.gz", "images.gz", "\x1f\x8b\x08", 3);
    refused("idx:cut.gz,labels", XO_ESYNTAX, "truncated");
    refused("idx:cut-early.gz,labels", XO_ESYNTAX, "truncated");
    refused("idx:only-magic.gz,labels", XO_ESYNTAX, "truncated");
    refused("idx:crc.gz,labels", XO_ESYNTAX, "damaged gzip data (incorrect data check)");
    refused("idx:length.gz,labels", XO_ESYNTAX, "damaged gzip data (incorrect length check)");
    refused("idx:method.gz,labels", XO_ESYNTAX, "damaged gzip data");
    refused("idx:behind.gz,labels", XO_ESYNTAX, "behind the last gzip member");
    refused("idx:zeros.gz,labels", XO_ESYNTAX, "behind the last gzip member");
    refused("idx:half-member.gz,labels", XO_ESYNTAX, "truncated");
}

/* `megabytes` of zeros behind a header, packed a thousand times smaller. */
static void put_bomb(const char *name, const void *header, size_t header_nbytes, size_t megabytes)
{
    gzFile f = gzopen(name, "wb1");
    char *zeros = calloc(1, 1 << 20);
    gzwrite(f, header, (unsigned)header_nbytes);
    for (size_t k = 0; k < megabytes; k++)
        gzwrite(f, zeros, 1 << 20);
    gzclose(f);
    free(zeros);
}

static void bombs(void)
{
    put_bomb("bomb.gz", (unsigned char[]){ 0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 5 }, 16, 300);
    put_bomb("cifar-bomb.gz", "", 0, 700);
    put_bomb("list-bomb.gz", "", 0, 300);
    refused("idx:bomb.gz,labels", XO_ESYNTAX, "goes on behind its last item");
    refused("cifar10:cifar-bomb.gz@0:1", XO_ETOOBIG, "more than 200000 records in a packed file");
    refused("images:.,list-bomb.gz", XO_ETOOBIG, "expected a smaller list");
}

static void cifar(void)
{
    put_cut("c-short", "c.bin", -1);
    put_changed("c-label", "c.bin", 7 * 3073, 10);
    put_cut("c-empty", "c.bin", -12 * 3073);
    put_gzip("c-short.gz", "c-short", 1);
    refused("cifar10:c-short", XO_ESYNTAX, "ends 3072 bytes into record 11");
    refused("cifar10:c-short.gz@0:3", XO_ESYNTAX, "ends 3072 bytes into record 11");
    refused("cifar10:c-label", XO_EVALUE, "label 10 in record 7");
    refused("cifar10:c-label@0:3", XO_EVALUE, "label 10 in record 7");
    refused("cifar10:c-empty", XO_ESHAPE, "holds no image");
}

static void npy(void)
{
    float nan[4] = { 1, 2, NAN, 4 };
    double huge[4] = { 1, 2, 3, 1e300 };
    put_npy("f.npy", "<f4", "(2, 2)", nan, sizeof nan);
    put_npy("huge.npy", "<f8", "(2, 2)", huge, sizeof huge);
    put_npy("i4.npy", "<i4", "(2, 2)", nan, sizeof nan);
    put_npy("c8.npy", "<c8", "(2,)", nan, sizeof nan);
    put_npy("one.npy", "|u1", "(2,)", "ab", 2);
    put_npy("two.npy", "|u1", "(2, 2)", "abcd", 4);
    put_npy("hollow.npy", "|u1", "(2, 0)", "", 0);
    put_npy("short.npy", "|u1", "(2, 2)", "abc", 3);
    put_npy("claim.npy", "|u1", "(2147483648, 1)", "abc", 3);
    put_npy("wide.npy", "|u1", "(9223372036854775807, 9223372036854775807)", "abc", 3);
    put_npy("negative.npy", "|i1", "(2,)", "\1\xff", 2);
    put_npy("three.npy", "|u1", "(3,)", "abc", 3);
    put_npy("big.npy", "<i8", "(2,)", (int64_t[]){ 1, (int64_t)1 << 40 }, 16);
    scratch_put("tiny.npy", "\x93NUMPY\1\0\0\0\0\0", 12);
    refused("npy:f.npy,one.npy", XO_EVALUE, "element 0 of image 1 is not finite");
    refused("npy:huge.npy,one.npy", XO_EVALUE, "element 1 of image 1 is not finite in float32");
    refused("npy:i4.npy,one.npy", XO_EUNSUPPORTED, "elements of type int32");
    refused("npy:c8.npy,one.npy", XO_ESYNTAX, "elements of type '<c8'");
    refused("npy:one.npy,one.npy", XO_ESHAPE, "shape (2,)");
    refused("npy:hollow.npy,one.npy", XO_ESHAPE, "items of nothing");
    refused("npy:short.npy,one.npy", XO_ESYNTAX, "announces 2 x 2 bytes");
    refused("npy:claim.npy,one.npy", XO_ESYNTAX, "announces 2147483648 x 1 bytes");
    refused("npy:wide.npy,one.npy", XO_ESYNTAX, "but the file holds");
    refused("npy:two.npy,two.npy", XO_ESHAPE, "labels (N)");
    refused("npy:two.npy,f.npy", XO_EUNSUPPORTED, "expected labels (N) of an integer type");
    refused("npy:two.npy,negative.npy", XO_EVALUE, "label -1 of image 1");
    refused("npy:two.npy,big.npy", XO_EVALUE, "label 1099511627776 of image 1");
    refused("npy:two.npy,three.npy", XO_ESHAPE, "3 labels for the 2 images");
    refused("npy:tiny.npy,one.npy", XO_ESYNTAX, "tiny.npy: .npy header");
    refused("npy:images,one.npy", XO_ESYNTAX, "does not begin like a .npy file");
}

static void list(const char *text, int status, const char *finding)
{
    scratch_put("list.csv", text, strlen(text));
    refused("images:.,list.csv", status, finding);
}

static void folder(void)
{
    list("", XO_ESHAPE, "holds no image");
    list("file,label\n", XO_ESHAPE, "holds no image");
    list("a.png,-1\n", XO_ESYNTAX, "list.csv:1: label '-1'");
    list("a.png,1.5\nb.png,2\n", XO_ESYNTAX, "list.csv:1: label '1.5'");
    list("a.png,\nb.png,2\n", XO_ESYNTAX, "list.csv:1: label ''");
    list("a.png\n", XO_ESYNTAX, "list.csv:1: no label");
    list("a.png,1\n\nb.png,x\n", XO_ESYNTAX, "list.csv:3: label 'x'");
    list("file,label\na.png,-1\n", XO_ESYNTAX, "list.csv:2: label '-1'");
    list("file,label\na.png,2147483648\n", XO_ESYNTAX, "label '2147483648'");
    list("../a.png,1\n", XO_ESYNTAX, "name '../a.png'; expected name,label with a name inside the folder");
    list("b/../../a.png,1\n", XO_ESYNTAX, "name 'b/../../a.png'");
    list("/etc/passwd,1\n", XO_ESYNTAX, "name '/etc/passwd'");
    list(",1\n", XO_ESYNTAX, "name ''");
    list("\"a.png,1\n", XO_ESYNTAX, "quotes do not close");
    list("nowhere.png,1\n", ENOENT, "list.csv:1: ./nowhere.png: No such file");
    list("sub,1\n", XO_EVALUE, "is no regular file");
    refused("images:nowhere,list.csv", ENOENT, "nowhere/sub");
    refused("images:.,nowhere.csv", ENOENT, "nowhere.csv");
}

/* A gigabyte of addresses is all there is, so a claim that is believed shows; sanitizers need more. */
static void bound_memory(void)
{
#if !defined __SANITIZE_ADDRESS__
    struct rlimit limit = { (rlim_t)1 << 30, (rlim_t)1 << 30 };
    tap_ok(setrlimit(RLIMIT_AS, &limit) == 0, "memory is bounded to 1 GiB");
#endif
}

int main(void)
{
    if (!scratch_enter() || system("mkdir sub"))
        return tap_skip_all("no folder to write in");
    put_idx("images", 3, (uint32_t[]){ 20, 4, 5 }, 256);
    put_idx("labels", 1, (uint32_t[]){ 20 }, 10);
    put_gzip("images.gz", "images", 1);
    put_cifar("c.bin", 12);
    bound_memory();
    specifications();
    idx();
    gzip();
    bombs();
    cifar();
    npy();
    folder();
    scratch_leave();
    return tap_done();
}
