/* How much of this core's matrix-multiplication rate does eliminating many arrays at once reach?
 *     bench/tiles [float64|float32|both]     default both: 16x16 .. 256x256
 *     bench/tiles vgg [ARRAYS [THREADS]]     default 270000 2: a VGG-16's worth of 64x64 tiles in float32
 * All in one run, best of several, in processor time.  The limit is the best of what BLAS libraries reach here on
 * large square matrices: OpenBLAS with its several kernels and, in float32, oneDNN.  CROSSOHM_SIMD chooses the
 * instructions.
 * Mflop are the multiplications and additions of the elimination, sum over all inner nodes of the square of the
 * couplings' number when its turn comes: as in gemm's 2 m n k, a multiply-add counts two.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include <cblas.h>
#include <math.h>
#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "xo_batch.h"

void openblas_set_num_threads(int threads);

enum { SIDE = 1536, RUNS = 7, ARRAYS = 64 };

/* Processor time for what runs on one core, so that others on the machine disturb less; else time on the wall. */
static double now_sec(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double uniform(unsigned long long *state)
{
    *state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
    return (double)(*state >> 11) * 0x1p-53;
}

/* ---- the limit ------------------------------------------------------------------------------------ */

static void dgemm(const void *a, const void *b, void *c)
{
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

static void sgemm(const void *a, const void *b, void *c)
{
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

static void onednn_sgemm(const void *a, const void *b, void *c)
{
    dnnl_sgemm('N', 'N', SIDE, SIDE, SIDE, 1, a, SIDE, b, SIDE, 0, c, SIDE);
}

/* GF/s; 0 without memory. */
static double gemm_rate(void (*multiply)(const void *, const void *, void *), size_t width)
{
    size_t cells = (size_t)SIDE * SIDE;
    void *block[3];
    double best = 1e300;
    for (int k = 0; k < 3; k++) {
        block[k] = malloc(cells * width);
        for (size_t e = 0; block[k] && e < cells; e++)
            if (width == sizeof(double))
                ((double *)block[k])[e] = 1e-3 * (double)(e * 2654435761u % 1000);
            else
                ((float *)block[k])[e] = 1e-3f * (float)(e * 2654435761u % 1000);
    }
    for (int run = 0; run < RUNS && block[0] && block[1] && block[2]; run++) {
        double begin = now_sec(CLOCK_PROCESS_CPUTIME_ID);
        multiply(block[0], block[1], block[2]);
        double sec = now_sec(CLOCK_PROCESS_CPUTIME_ID) - begin;
        best = sec < best ? sec : best;
    }
    for (int k = 0; k < 3; k++)
        free(block[k]);
    return 2e-9 * SIDE * SIDE * SIDE / best;
}

struct library { const char *name, *kernels; void (*multiply)(const void *, const void *, void *); };

static const struct library libraries[2][4] = {        /* by precision; NULL: the kernels OpenBLAS picks itself */
    {{"OpenBLAS", NULL, dgemm}, {"OpenBLAS", "Haswell", dgemm}, {"OpenBLAS", "SkylakeX", dgemm}},
    {{"OpenBLAS", NULL, sgemm}, {"OpenBLAS", "Haswell", sgemm}, {"OpenBLAS", "SkylakeX", sgemm},
     {"oneDNN", NULL, onednn_sgemm}},
};

/* OpenBLAS reads its choice of kernels before main: so this program runs itself, as `tiles gemm PRECISION NUMBER`. */
static double ask_for_rate(const char *program, int precision, int k)
{
    const struct library *library = &libraries[precision][k];
    char command[4096], line[64] = "0";
    if (library->kernels)
        setenv("OPENBLAS_CORETYPE", library->kernels, 1);
    else
        unsetenv("OPENBLAS_CORETYPE");
    setenv("OMP_NUM_THREADS", "1", 1);            /* oneDNN would take more */
    snprintf(command, sizeof command, "'%s' gemm %d %d", program, precision, k);
    FILE *from = popen(command, "r");
    if (from && !fgets(line, sizeof line, from))
        line[0] = 0;
    if (from)
        pclose(from);
    return atof(line);
}

/* The best of the libraries, told to keep to what the elimination keeps to. */
static double limit_of(const char *program, int precision, enum xo_simd simd)
{
    double best = 0;
    if (simd == XO_SIMD_AVX2)
        setenv("ONEDNN_MAX_CPU_ISA", "AVX2", 1);
    printf("# %s of %dx%d on one core, GF/s:", precision == XO_FLOAT64 ? "dgemm" : "sgemm", SIDE, SIDE);
    for (int k = 0; k < 4 && libraries[precision][k].multiply; k++) {
        const char *kernels = libraries[precision][k].kernels;
        if (simd == XO_SIMD_AVX2 && libraries[precision][k].multiply != onednn_sgemm
            && (!kernels || strcmp(kernels, "Haswell")))
            continue;
        double rate = ask_for_rate(program, precision, k);
        printf("%s %s%s%s %.1f", best > 0 ? "," : "", libraries[precision][k].name, kernels ? " " : "",
               kernels ? kernels : "", rate);
        best = fmax(best, rate);
    }
    printf("\n");
    return best;
}

/* ---- tiles ---------------------------------------------------------------------------------------- */

static struct xo_crossbar geometry(size_t size)
{
    return xo_crossbar_default(size, size);
}

/* Seconds for one array, best of some batches; 0 on failure. */
static double tile_sec(xo_batch *t, size_t size, size_t arrays, enum xo_precision precision)
{
    size_t cells = arrays * size * size;
    double *siemens = malloc(cells * sizeof *siemens), best = 1e300;
    double *g = malloc(cells * sizeof *g);
    float *narrow = malloc(cells * sizeof *narrow);
    unsigned long long state = size;
    int status = !siemens || !g || !narrow;
    for (size_t k = 0; !status && k < cells; k++)
        siemens[k] = 1e-6 * pow(100, uniform(&state));
    for (int run = 0; run < RUNS && !status; run++) {
        struct xo_batch_arrays b = {.arrays = arrays, .cell_siemens = siemens};
        if (precision == XO_FLOAT64)
            b.g_ni_siemens = g;
        else
            b.g_ni_float32 = narrow;
        double begin = now_sec(CLOCK_PROCESS_CPUTIME_ID);
        status = xo_batch_matrix(t, &b, NULL);
        double sec = now_sec(CLOCK_PROCESS_CPUTIME_ID) - begin;
        best = sec < best ? sec : best;
    }
    free(siemens);
    free(g);
    free(narrow);
    return status ? 0 : best / (double)arrays;
}

/* Milliseconds an array that the first prototype took (AVX-512, one core of the same kind, on another day). */
enum { SIZES = 5 };
static const double prototype_ms[2][SIZES] = {{0.010, 0.048, 0.42, 1.9, 16}, {0.005, 0.026, 0.21, 0.96, 8.4}};

static int measure(int index, enum xo_precision precision, enum xo_simd simd, double limit)
{
    size_t size = (size_t)16 << index;
    struct xo_crossbar x = geometry(size);
    struct xo_batch_options options = {.precision = precision, .simd = simd};
    xo_circuit *circuit = NULL;
    xo_batch *tiles = NULL;
    double begin = now_sec(CLOCK_PROCESS_CPUTIME_ID);
    int status = xo_circuit_new(&circuit, &x, NULL);
    if (!status)
        status = xo_batch_new(&tiles, circuit, &options, NULL);
    double plan_sec = now_sec(CLOCK_PROCESS_CPUTIME_ID) - begin;
    double sec = status ? 0 : tile_sec(tiles, size, ARRAYS, precision);
    if (sec > 0) {
        double rate = 1e-9 * xo_batch_operations(tiles) / sec;
        printf("%-8s %4zux%-4zu %10.2f %9.2f %10.4f %10.4g %8.1f %8.1f %%\n",
               precision == XO_FLOAT64 ? "float64" : "float32", size, size, 1e3 * plan_sec,
               1e-6 * xo_batch_operations(tiles), 1e3 * sec, prototype_ms[precision][index], rate, 100 * rate / limit);
    }
    fflush(stdout);
    xo_batch_free(tiles);
    xo_circuit_free(circuit);
    return sec > 0 ? 0 : 1;
}

/* ---- a network ------------------------------------------------------------------------------------ */

enum { TILE = 64, SLAB = 4096 };

/* Random 8-bit weights in 2-bit cells, differential: of each 64 x 64 weights, four slices, positive and negative. */
static int random_tile(void *user, size_t array, double *siemens)
{
    size_t number = *(const size_t *)user + array;
    unsigned long long state = number / 8 + 1;
    int slice = (int)(number % 4), negative = (int)(number / 4 % 2);
    for (size_t k = 0; k < TILE * TILE; k++) {
        int weight = (int)(255 * uniform(&state)) - 127;
        int level = (weight < 0) == negative ? abs(weight) >> (2 * slice) & 3 : 0;
        siemens[k] = 1e-6 + 3e-6 * level;
    }
    return 0;
}

static int network(size_t arrays, int threads, enum xo_simd simd)
{
    struct xo_crossbar x = geometry(TILE);
    struct xo_batch_options options = {.precision = XO_FLOAT32, .simd = simd, .threads = threads};
    xo_circuit *circuit = NULL;
    xo_batch *tiles = NULL;
    float *g = malloc((size_t)SLAB * TILE * TILE * sizeof *g);
    double begin = now_sec(CLOCK_MONOTONIC), busy = now_sec(CLOCK_PROCESS_CPUTIME_ID);
    int status = !g || xo_circuit_new(&circuit, &x, NULL) || xo_batch_new(&tiles, circuit, &options, NULL);
    for (size_t first = 0; first < arrays && !status; first += SLAB) {
        struct xo_batch_arrays b = {.arrays = arrays - first < SLAB ? arrays - first : SLAB, .cells = random_tile,
                                   .user = &first, .g_ni_float32 = g};
        status = xo_batch_matrix(tiles, &b, NULL);
    }
    if (!status)
        printf("%zu arrays of %dx%d, float32, %d threads: %.1f s, processors busy for %.1f s\n", arrays, TILE, TILE,
               threads, now_sec(CLOCK_MONOTONIC) - begin, now_sec(CLOCK_PROCESS_CPUTIME_ID) - busy);
    free(g);
    xo_batch_free(tiles);
    xo_circuit_free(circuit);
    return status ? 1 : 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "both";
    const char *level = getenv("CROSSOHM_SIMD");
    enum xo_simd simd = XO_SIMD_BEST;
    int failed = 0;
    if ((level && xo_simd_parse(&simd, level)) || !xo_simd_available(simd))
        return fprintf(stderr, "CROSSOHM_SIMD=%s: not an instruction set of this machine\n", level), 2;
    openblas_set_num_threads(1);
    if (!strcmp(what, "vgg"))
        return network(argc > 2 ? strtoul(argv[2], NULL, 10) : 270000, argc > 3 ? atoi(argv[3]) : 2, simd);
    if (!strcmp(what, "gemm") && argc == 4) {
        size_t width = atoi(argv[2]) ? sizeof(float) : sizeof(double);
        return printf("%g\n", gemm_rate(libraries[atoi(argv[2]) & 1][atoi(argv[3]) & 3].multiply, width)) < 0;
    }
    for (int precision = XO_FLOAT64; precision <= XO_FLOAT32; precision++) {
        if (strcmp(what, "both") && strcmp(what, precision == XO_FLOAT64 ? "float64" : "float32"))
            continue;
        double limit = limit_of(argv[0], precision, simd);
        printf("%-8s %9s %10s %9s %10s %10s %8s %10s\n", "", "array", "plan [ms]", "Mflop", "ms/array", "prototype",
               "GF/s", "of gemm");
        for (int size = 0; size < SIZES; size++)
            failed |= measure(size, (enum xo_precision)precision, simd, limit);
    }
    return failed;
}
