/* Where weights sit: a reader of its own, written from crossohm-hardware(5) ("Where a weight sits"), gets every
 * integer back from conductances alone; and what the conversions are said to be worth adds up to the product.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "config.h"
#include "layout.h"
#include "tap.h"

static struct xo_info info;

static struct xo_hardware hardware(size_t rows, size_t columns, int c)
{
    struct xo_hardware h = { .device = { .on_siemens = 1e-5, .off_siemens = 1e-6, .bits_per_cell = c },
                             .mapping = { .weight_bits = 8, .input_bits = 8 } };
    h.array.rows = rows;
    h.array.columns = columns;
    return h;
}

/* ---- layers made by hand -------------------------------------------------------------------------------- */

static float weights[40000];

static struct xo_layer layer_of(size_t groups, size_t inputs, size_t outputs, size_t kernel, unsigned long long seed)
{
    for (size_t k = 0; k < groups * inputs * outputs; k++)
        weights[k] = (float)(2 * tap_uniform(&seed) - 1);
    return (struct xo_layer){ .name = "layer", .groups = groups, .inputs = inputs, .outputs = outputs,
                              .weight = weights, .is_convolution = groups > 1,
                              .window = { .kernel = { kernel, kernel } } };
}

/* ---- the other reader ----------------------------------------------------------------------------------- */

/* What MAPPING says of a choice of keys. */
struct scheme {
    bool differential, offset, twos, pair_columns, slices_columns, reference, open;
    int c, bits, slices;
    size_t rows, columns, per_output, outputs, planes;
};

static struct scheme scheme_of(const struct xo_hardware *h, int bits, bool wide)
{
    const struct xo_mapping *m = &h->mapping;
    struct scheme s = { .differential = m->sign == XO_SIGN_DIFFERENTIAL, .offset = m->sign == XO_SIGN_OFFSET,
                        .twos = m->sign == XO_SIGN_TWOS_COMPLEMENT, .open = m->unused_cell == XO_UNUSED_OPEN,
                        .c = h->device.bits_per_cell, .bits = bits,
                        .rows = h->array.rows, .columns = h->array.columns };
    double exact = (double)(bits - !s.offset) / s.c;
    s.slices = (int)ceil(exact) + s.twos;
    if (s.differential && wide)
        s.slices = (int)ceil((double)bits / s.c);
    s.pair_columns = s.differential && m->pair == XO_IN_COLUMNS;
    s.slices_columns = m->slices == XO_IN_COLUMNS;
    s.reference = m->off_current == XO_OFF_REFERENCE_COLUMN && !s.open
                  && !(s.differential && m->subtract == XO_SUBTRACT_ANALOG);
    s.per_output = (s.slices_columns ? (size_t)s.slices : 1) * (s.pair_columns ? 2 : 1);
    s.outputs = (s.columns - s.reference) / s.per_output;
    s.planes = (s.slices_columns ? 1 : (size_t)s.slices) * (s.differential && !s.pair_columns ? 2 : 1);
    return s;
}

/* Programmed conductances of a block: [planes][rows][columns]. */
struct block { const struct scheme *s; double *siemens; };

static int digit_at(const struct block *b, size_t row, size_t output, int slice, bool minus)
{
    const struct scheme *s = b->s;
    size_t plane = s->slices_columns ? 0 : (size_t)slice, column = output * s->per_output;
    double off = s->open ? 0 : 1e-6, digit;
    if (s->differential && !s->pair_columns)
        plane = 2 * plane + minus;
    column += (s->slices_columns ? (size_t)slice : 0) * (s->pair_columns ? 2 : 1) + (s->pair_columns && minus);
    double *cell = &b->siemens[(plane * s->rows + row) * s->columns + column];
    digit = (*cell - off) / ((1e-5 - off) / ((1 << s->c) - 1));
    *cell = -1;                        /* seen: what is left must be unused */
    return fabs(digit - rint(digit)) < 1e-9 ? (int)rint(digit) : -1000000;
}

static int weight_at(const struct block *b, size_t row, size_t output)
{
    const struct scheme *s = b->s;
    int q = 0;
    for (int k = 0; k < s->slices; k++) {
        int digit = digit_at(b, row, output, k, false);
        q += s->twos && k == s->slices - 1 ? -digit * (1 << (s->bits - 1)) : digit << (s->c * k);
        if (s->differential)
            q -= digit_at(b, row, output, k, true) << (s->c * k);
    }
    return s->offset ? q - (1 << (s->bits - 1)) : q;
}

/* The rest: at off, or open. */
static bool rest_is_unused(const struct block *b)
{
    size_t cells = b->s->planes * b->s->rows * b->s->columns;
    for (size_t k = 0; k < cells; k++)
        if (b->siemens[k] >= 0 && b->siemens[k] != (b->s->open ? 0 : 1e-6))
            return false;
    return true;
}

/* The integer that the layer's matrix m has at (i, j): per group, or on the diagonal of all. */
static int want_at(const struct xo_layer *l, const struct xo_codes *codes, size_t m, bool together, size_t i,
                   size_t j)
{
    size_t group = together ? j / l->outputs : m;
    if (together && i / l->inputs != group)
        return 0;
    return codes->q[(group * l->inputs + i % l->inputs) * l->outputs + j % l->outputs];
}

/* ---- conversions ---------------------------------------------------------------------------------------- */

/* What flows into a column with inputs x at one volt a level; and the product as the list of conversions says to put
 * it together.  Off-currents are what reference columns and differences must remove. */
static double read_column(const struct scheme *s, const double *siemens, size_t plane, size_t column, const int *x,
                          size_t rows)
{
    double sum = 0;
    for (size_t i = 0; i < rows; i++)
        sum += x[i] * siemens[(plane * s->rows + i) * s->columns + column];
    return sum;
}

static bool conversions_give_the_product(const struct xo_layout *l, const struct scheme *s, const double *siemens,
                                         const int *x, size_t rows, size_t outputs, const double *want)
{
    double off = s->open ? 0 : 1e-6, unit = (1e-5 - off) / ((1 << s->c) - 1), got[256] = { 0 }, sum_x = 0;
    for (size_t i = 0; i < rows; i++)
        sum_x += x[i];
    for (size_t k = 0; k < l->conversions; k++) {
        const struct xo_conversion *c = &l->conversion[k];
        double ampere = read_column(s, siemens, c->plane, c->column, x, rows);
        if (c->output == XO_NONE || c->output >= outputs)
            continue;
        if (c->minus_plane != XO_NONE)
            ampere -= read_column(s, siemens, c->minus_plane, c->minus_column, x, rows);
        else if (c->reference != XO_NONE)
            ampere -= read_column(s, siemens, l->conversion[c->reference].plane,
                                  l->conversion[c->reference].column, x, rows);
        else
            ampere -= off * sum_x;
        got[c->output] += c->weight * rint(ampere / unit);
    }
    for (size_t j = 0; j < outputs; j++)
        if (got[j] - l->offset * sum_x != want[j])
            return false;
    return true;
}

/* ---- one layer, one choice of keys ---------------------------------------------------------------------- */

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

static bool program(const struct xo_layout *l, const struct xo_code_matrix *m, size_t R, size_t C, uint16_t *digit,
                    double *siemens)
{
    size_t cells = l->hardware->array.rows * l->hardware->array.columns;
    for (size_t plane = 0; plane < l->planes; plane++) {
        xo_layout_digits(l, m, R, C, plane, digit);
        for (size_t k = 0; k < cells; k++)
            siemens[plane * cells + k] = xo_digit_siemens(l->hardware, digit[k]);
    }
    return true;
}

static bool block_agrees(const struct xo_layer *layer, const struct xo_codes *codes, const struct xo_layout *l,
                         const struct scheme *s, size_t m, bool together, size_t R, size_t C, double *siemens)
{
    const struct xo_code_matrix *matrix = &codes->matrix[m];
    size_t rows = least(s->rows, matrix->inputs - R * s->rows);
    size_t outputs = least(s->outputs, matrix->outputs - C * s->outputs);
    double product[256] = { 0 };
    int x[256];
    bool same = true;
    for (size_t i = 0; i < rows; i++)
        x[i] = (int)((i * 7 + R * 5 + C) % 16);
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < rows; i++)
            product[j] += x[i] * want_at(layer, codes, m, together, R * s->rows + i, C * s->outputs + j);
    same = conversions_give_the_product(l, s, siemens, x, rows, outputs, product);
    if (!same)
        printf("# the conversions of block %zu, %zu\n", R, C);
    struct block block = { s, siemens };
    for (size_t j = 0; j < outputs; j++)
        for (size_t i = 0; i < rows; i++)
            same &= weight_at(&block, i, j)
                    == want_at(layer, codes, m, together, R * s->rows + i, C * s->outputs + j);
    return same && rest_is_unused(&block);
}

/* Blocks that are left out hold no weight of any group. */
static bool block_is_empty(const struct xo_layer *layer, const struct scheme *s, const struct xo_code_matrix *matrix,
                           size_t R, size_t C)
{
    for (size_t i = R * s->rows; i < least((R + 1) * s->rows, matrix->inputs); i++)
        for (size_t j = C * s->outputs; j < least((C + 1) * s->outputs, matrix->outputs); j++)
            if (i / layer->inputs == j / layer->outputs)
                return false;
    return true;
}

static bool layer_agrees(const struct xo_layer *layer, const struct xo_hardware *h, bool together, bool wide)
{
    struct xo_codes codes;
    struct xo_layout l;
    bool same = true;
    if (xo_codes_new(&codes, layer, &h->mapping, &info))
        return false;
    if (xo_layout_new(&l, h, &codes, &info)) {
        xo_codes_free(&codes);
        return false;
    }
    struct scheme s = scheme_of(h, h->mapping.weight_bits, wide);
    uint16_t *digit = calloc(s.rows * s.columns, sizeof *digit);
    double *siemens = calloc(s.planes * s.rows * s.columns, sizeof *siemens);
    same = codes.matrices == (together ? 1 : layer->groups) && l.planes == s.planes && l.tile_outputs == s.outputs
           && l.slices == s.slices;
    for (size_t m = 0; m < codes.matrices && same; m++)
        for (size_t R = 0; R < xo_layout_row_blocks(&l, &codes.matrix[m]) && same; R++)
            for (size_t C = 0; C < xo_layout_column_blocks(&l, &codes.matrix[m]) && same; C++)
                same = xo_layout_block_used(&l, &codes.matrix[m], R, C)
                           ? !block_is_empty(layer, &s, &codes.matrix[m], R, C)
                                 && program(&l, &codes.matrix[m], R, C, digit, siemens)
                                 && block_agrees(layer, &codes, &l, &s, m, together, R, C, siemens)
                           : block_is_empty(layer, &s, &codes.matrix[m], R, C);
    free(digit);
    free(siemens);
    xo_layout_free(&l);
    xo_codes_free(&codes);
    return same;
}

/* ---- every choice of keys ------------------------------------------------------------------------------- */

static int choices, agreeing;

static void try_choice(const struct xo_layer *layer, struct xo_hardware h, bool together, bool wide)
{
    bool same = layer_agrees(layer, &h, together, wide);
    choices++;
    agreeing += same;
    if (!same)
        printf("# %zu groups, %zu x %zu array, c %d: sign %d pair %d subtract %d slices %d unused %d off %d\n",
               layer->groups, h.array.rows, h.array.columns, h.device.bits_per_cell, h.mapping.sign, h.mapping.pair,
               h.mapping.subtract, h.mapping.slices, h.mapping.unused_cell, h.mapping.off_current);
}

/* sign, pair, subtract, slices, unused_cell, off_current: 3 2 2 2 2 3 */
static void every_scheme(const struct xo_layer *layer, struct xo_hardware h, bool together, bool wide)
{
    for (int k = 0; k < 3 * 2 * 2 * 2 * 2 * 3; k++) {
        h.mapping.sign = (enum xo_sign)(k % 3);
        h.mapping.pair = (enum xo_placement)(k / 3 % 2);
        h.mapping.subtract = (enum xo_subtract)(k / 6 % 2);
        h.mapping.slices = (enum xo_placement)(k / 12 % 2);
        h.mapping.unused_cell = (enum xo_unused_cell)(k / 24 % 2);
        h.mapping.off_current = (enum xo_off_current)(k / 48 % 3);
        try_choice(layer, h, together, wide);
    }
}

static void tell(const char *fact)
{
    printf("# %d choices of keys\n", choices);
    tap_ok(choices && agreeing == choices, "%s", fact);
    choices = agreeing = 0;
}

static void integers_come_back_from_conductances(void)
{
    struct xo_layer layer = layer_of(1, 130, 75, 1, 1);
    for (int c = 1; c <= 4; c++)
        every_scheme(&layer, hardware(100, 70, c), false, false);
    tell("a 130 x 75 matrix on 100 x 70 tiles, 1 to 4 bits per cell, every scheme");
    layer = layer_of(1, 20, 9, 1, 2);
    every_scheme(&layer, hardware(7, 29, 5), false, false);
    every_scheme(&layer, hardware(64, 64, 8), false, false);
    every_scheme(&layer, hardware(1, 17, 1), false, false);
    tell("arrays of 7 x 29, larger than the matrix, and of a single row");
    for (int bits = 2; bits <= 16; bits++) {
        struct xo_hardware h = hardware(16, 40, 3);
        h.mapping.weight_bits = bits;
        layer = layer_of(1, 20, 9, 1, 3);
        every_scheme(&layer, h, false, false);
    }
    tell("weights of 2 to 16 bits");
}

static void groups_and_depthwise_layers_come_back(void)
{
    struct xo_layer layer = layer_of(3, 18, 5, 3, 4);
    every_scheme(&layer, hardware(10, 19, 2), false, false);
    tell("three groups: a matrix each");
    layer = layer_of(11, 9, 1, 3, 5);
    every_scheme(&layer, hardware(20, 23, 2), true, false);
    every_scheme(&layer, hardware(16, 64, 4), true, false);
    tell("depthwise: one block-diagonal matrix, blocks without weights left out");
    layer = layer_of(5, 9, 2, 3, 6);
    every_scheme(&layer, hardware(13, 27, 3), true, false);
    tell("depthwise with two outputs per channel");
}

static void minus_128_widens_the_magnitude(void)
{
    static const int8_t q[] = { -128, 127, 5, -1, 0, -127 };
    float scale[] = { 1, 1 };
    struct xo_layer layer = layer_of(1, 3, 2, 1, 7);
    layer.has_integers = true;
    layer.integers = (struct xo_model_integers){ .weight = q, .weight_scale = scale };
    for (int c = 1; c <= 8; c++)
        every_scheme(&layer, hardware(3, 20, c), false, true);
    tell("q' = -128: ceil(8/c) slices under differential, every scheme");
}

/* ---- by hand -------------------------------------------------------------------------------------------- */

static double siemens_of(const struct xo_hardware *h, const double *w, size_t plane, size_t row, size_t column)
{
    struct xo_codes codes;
    struct xo_layout l;
    uint16_t digit[64];
    double siemens = -1;
    if (xo_codes_of_matrix(&codes, "W", 2, 1, w, &h->mapping, &info))
        return -1;
    if (!xo_layout_new(&l, h, &codes, &info)) {
        xo_layout_digits(&l, &codes.matrix[0], 0, 0, plane, digit);
        siemens = xo_digit_siemens(h, digit[row * h->array.columns + column]);
        xo_layout_free(&l);
    }
    xo_codes_free(&codes);
    return siemens;
}

/* Weights 7 and -6 in 4 bits, 2-bit cells: 7 = 1 3, -6 = -(1 2); plus 8: 15 = 3 3, 2 = 0 2; two's complement of -6:
 * 1 0 10.  One level is 3 uS. */
static void keys_by_hand(void)
{
    const double w[] = { 7, -6 };
    struct xo_hardware h = hardware(3, 6, 2);
    h.mapping.weight_bits = 4;
    tap_close(siemens_of(&h, w, 0, 0, 0), 1e-5, 1e-20, "differential: 7 has digit 3 in slice 0, plus");
    tap_close(siemens_of(&h, w, 1, 1, 0), 7e-6, 1e-20, "-6 has digit 2 in slice 0, minus");
    tap_close(siemens_of(&h, w, 3, 1, 0), 4e-6, 1e-20, "and digit 1 in slice 1, minus");
    tap_close(siemens_of(&h, w, 1, 0, 0), 1e-6, 0, "7 has nothing in minus");
    tap_close(siemens_of(&h, w, 0, 2, 5), 1e-6, 0, "unused cells are off");
    h.mapping.unused_cell = XO_UNUSED_OPEN;
    tap_close(siemens_of(&h, w, 0, 2, 5), 0, 0, "unused_cell: open: 0 S");
    tap_close(siemens_of(&h, w, 1, 0, 0), 0, 0, "digit 0 too");
    tap_close(siemens_of(&h, w, 1, 1, 0), 2e-5 / 3, 1e-20, "digit 2 is 2 on/3");
    h.mapping.unused_cell = XO_UNUSED_OFF;
    h.mapping.pair = XO_IN_COLUMNS;
    tap_close(siemens_of(&h, w, 0, 1, 1), 7e-6, 1e-20, "pair: columns: minus of slice 0 is the next column");
    h.mapping.slices = XO_IN_COLUMNS;
    tap_close(siemens_of(&h, w, 0, 1, 3), 4e-6, 1e-20, "slices: columns: minus of slice 1 is column 3");
    h.mapping.sign = XO_SIGN_OFFSET;
    tap_close(siemens_of(&h, w, 0, 0, 1), 1e-5, 1e-20, "offset: 15 has digit 3 in slice 1");
    tap_close(siemens_of(&h, w, 0, 1, 1), 1e-6, 0, "2 has digit 0");
    h.mapping.sign = XO_SIGN_TWOS_COMPLEMENT;
    tap_close(siemens_of(&h, w, 0, 1, 2), 4e-6, 1e-20, "twos_complement: -6 has its sign in slice 2, one level up");
    tap_close(siemens_of(&h, w, 0, 1, 0), 7e-6, 1e-20, "and digit 2 in slice 0");
    h.device.bits_per_cell = 3;
    tap_close(siemens_of(&h, w, 0, 1, 0), 1e-6 + 2 * 9e-6 / 7, 1e-20, "bits_per_cell 3: levels of 9/7 uS");
}

static void count_conversions(struct xo_hardware h, size_t want, const char *fact)
{
    const double w[] = { 7, -6 };
    struct xo_codes codes;
    struct xo_layout l;
    xo_codes_of_matrix(&codes, "W", 2, 1, w, &h.mapping, &info);
    int status = xo_layout_new(&l, &h, &codes, &info);
    tap_ok(!status && l.conversions == want, "%s: %zu conversions", fact, status ? 0 : l.conversions);
    if (!status)
        xo_layout_free(&l);
    xo_codes_free(&codes);
}

/* Six columns, four slices of two bits. */
static void conversions_by_hand(void)
{
    struct xo_hardware h = hardware(3, 6, 2);
    count_conversions(h, 4 * 6, "analog: a difference per slice and column");
    h.mapping.subtract = XO_SUBTRACT_DIGITAL;
    count_conversions(h, 8 * 6, "digital: twice as many");
    h.mapping.off_current = XO_OFF_REFERENCE_COLUMN;
    count_conversions(h, 8 * 5 + 8, "reference_column: a column less, a reading more per array");
    h.mapping.unused_cell = XO_UNUSED_OPEN;
    count_conversions(h, 8 * 6, "open: no off-current, no reference column");
    h.mapping.subtract = XO_SUBTRACT_ANALOG;
    h.mapping.unused_cell = XO_UNUSED_OFF;
    count_conversions(h, 4 * 6, "analog: no reference column");
    h.mapping.off_current = XO_OFF_NONE;
    h.mapping.sign = XO_SIGN_OFFSET;
    h.mapping.slices = XO_IN_COLUMNS;
    count_conversions(h, 4, "offset in columns: one output of four slices fits six columns");
}

static void depthwise_by_key(void)
{
    struct xo_layer layer = layer_of(5, 9, 2, 3, 8);
    struct xo_mapping m = { .depthwise = XO_DEPTHWISE_BLOCK_DIAGONAL };
    tap_ok(xo_layer_is_depthwise(&layer) && !xo_layer_stays_digital(&layer, &m, false), "block_diagonal: on arrays");
    m.depthwise = XO_DEPTHWISE_DIGITAL;
    tap_ok(xo_layer_stays_digital(&layer, &m, false), "digital: not");
    layer = layer_of(3, 18, 5, 3, 8);
    tap_ok(!xo_layer_is_depthwise(&layer) && !xo_layer_stays_digital(&layer, &m, false),
           "two channels a group are grouped");
    tap_ok(xo_layer_stays_digital(&layer, &m, true), "keep: digital");
}

static void refuses(struct xo_hardware h, const char *want)
{
    const double w[] = { 7, -6 };
    struct xo_codes codes;
    struct xo_layout l;
    xo_codes_of_matrix(&codes, "W", 2, 1, w, &h.mapping, &info);
    int status = xo_layout_new(&l, &h, &codes, &info);
    tap_ok(status && !strcmp(info.text, want), "%s", want);
    if (strcmp(info.text, want))
        printf("# %s\n", info.text);
    xo_codes_free(&codes);
}

static void what_cannot_be_laid_out_is_refused(void)
{
    struct xo_hardware h = hardware(3, 7, 2);
    h.mapping.slices = h.mapping.pair = XO_IN_COLUMNS;
    refuses(h, "layer W: array.columns: found 7; expected at least 8, as one output takes 8");
    h.mapping.subtract = XO_SUBTRACT_DIGITAL;
    h.mapping.off_current = XO_OFF_REFERENCE_COLUMN;
    refuses(h, "layer W: array.columns: found 7; expected at least 9, as one output takes 8 beside the reference "
            "column");
    refuses(hardware(0, 7, 2), "layer W: array.rows: found no value; expected one");
    refuses(hardware(7, 0, 2), "layer W: array.columns: found no value; expected one");
    refuses(hardware(1 << 24, 1 << 24, 2), "layer W: array: found 16777216 rows of 16777216 columns; expected at "
            "most 67108864 cells");
}

int main(void)
{
    keys_by_hand();
    conversions_by_hand();
    depthwise_by_key();
    integers_come_back_from_conductances();
    groups_and_depthwise_layers_come_back();
    minus_128_widens_the_magnitude();
    what_cannot_be_laid_out_is_refused();
    return tap_done();
}
