/* A resistive crossbar as an engineer describes it: plain data, filled in by the caller.
 *
 *  V_i --driver_ohm-- u[i][0] --row_wire_ohm-- u[i][1] -- ... -- u[i][columns-1]
 *                       |cell                    |cell
 *                     w[i][0]                  w[i][1]      w[i][j] --column_wire_ohm-- w[i+1][j]
 *  w[rows-1][j] --sense_ohm-- sense terminal at sense_volt;  I_j = current into that terminal.
 *
 * Word lines (rows, index i) are driven, bit lines (columns, index j) are sensed.  Cell (i,j) joins word-line
 * node u[i][j] to bit-line node w[i][j].  A driver or sense amplifier resistance of 0 ties the line's end to
 * its terminal; XO_OPEN leaves it unconnected.
 *
 * That is topology crossbar.  In the others, those of foundry 1T1R macros, a word line is the gate of its row's
 * transistors and carries no current; cells lie between the bit line and a source line:
 *
 *  source_row     s[i][0] --source_wire_ohm-- s[i][1] -- ...     along the row, source_end_ohm at its drive_side
 *  source_column  s[0][j] --source_wire_ohm-- s[1][j] -- ...     by the bit line, source_end_ohm at its source_side
 *  plane          one node s for all cells, behind source_end_ohm
 *
 * Cell (i,j), transistor and device in series, joins s[i][j] to w[i][j]; u[i][j] stands for s[i][j] in what follows.
 * Behind source_end_ohm lies source_volt, common to all lines; with input drive (source_row) line i has V_i there.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_CROSSBAR_H
#define XO_CROSSBAR_H

#include <math.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define XO_OPEN INFINITY               /* an open connection, wherever an ohm is asked for */

/* Numbers are accepted in these ranges (besides 0 and XO_OPEN), wide of any physical device, so that nothing
 * downstream can overflow: */
#define XO_MIN_OHM 1e-12
#define XO_MAX_OHM 1e30
#define XO_MIN_SIEMENS 1e-30
#define XO_MAX_SIEMENS 1e12
#define XO_MAX_VOLT 1e12

enum xo_drive_side { XO_DRIVE_LEFT, XO_DRIVE_RIGHT, XO_DRIVE_BOTH };    /* both: V_i feeds both ends     */
enum xo_sense_side { XO_SENSE_BOTTOM, XO_SENSE_TOP, XO_SENSE_BOTH };    /* both: I_j sums both ends      */

/* One number everywhere, or one per line or segment. */
struct xo_values {
    double all;                        /* used when each is NULL */
    const double *each;                /* borrowed; the comment at the field gives its shape */
};

enum xo_line_state {
    XO_LINE_NORMAL,                    /* word line: driven at V_i; bit line: sensed at sense_volt           */
    XO_LINE_FLOATING,                  /* driver or sense branches removed                                   */
    XO_LINE_GROUNDED,                  /* branches kept, 0 V behind them                                     */
    XO_LINE_HELD,                      /* branches kept, hold_volt behind them                               */
    XO_LINE_GATED                      /* 1T1R, word lines: transistors off whatever the input says          */
};
struct xo_line {
    enum xo_line_state state;
    double hold_volt;
};

/* What carries the current of a cell: I(v; g), v the voltage across it from word line to bit line, monotone and 0 at
 * 0 V.  g, the programmed conductance, is I(v)/v at reference_volt, for that is the number program-and-verify sets;
 * at a reference_volt of 0 it is the slope at 0 V. */
enum xo_law {
    XO_LAW_OHMIC,                      /* g v                                                                 */
    XO_LAW_SINH,                       /* proportional to sinh(v / v0)                                        */
    XO_LAW_POLYNOMIAL,                 /* proportional to c1 v + c2 v^2 + c3 v^3 + ..., the c of its level    */
    XO_LAW_TABLE,                      /* measured curves, one per level: monotone cubic in v (Fritsch,       */
                                       /* Carlson 1980), interpolated in g                                   */
    XO_LAW_SPICE                       /* the same, of curves that ngspice read from a subcircuit            */
};

/* A level of conductance.  Between two, t = (g - g_0)/(g_1 - g_0), a table mixes currents, (1 - t) I_0 + t I_1, and a
 * polynomial shapes, g ((1 - t) I_0/g_0 + t I_1/g_1); beyond the first and the last a law is theirs in shape, for a
 * table at most to half and twice their conductance. */
struct xo_law_level {
    double siemens;                    /* polynomial, where there are several levels; a table's follow from it */
    size_t count;                      /* of coefficients, or of points                                       */
    const double *coefficient;         /* [count] c1 first, c_k in V^(1-k)                                    */
    const double *volt, *amp;          /* [count] volt ascending; 0 A at 0 V is added where it is not given   */
};

struct xo_device_law {
    enum xo_law law;
    double reference_volt;
    double v0_volt;                    /* sinh                                                                */
    size_t levels;                     /* polynomial, table, spice                                            */
    const struct xo_law_level *level;      /* [levels] borrowed; in any order                                     */
    const char *where;                 /* "board.yaml:3:9", for messages of cells beyond the law; NULL: not said    */
    const struct xo_subcircuit *subcircuit;    /* spice: what goes into decks for ngspice (xo_subcircuit.h); borrowed
                                          for as long as a circuit of it lives; NULL: the table does          */
};

enum xo_cell_type {
    XO_CELL_1R,                        /* the programmed device                                               */
    XO_CELL_1S1R,                      /* with a selector of the same conductance everywhere in series        */
    XO_CELL_1T1R                       /* with a transistor in series, one gate per row                       */
};

/* A gate of x = 0 is off, 1 on; between, the channel's conductance grows with x as in the triode region:
 * transistor_off_siemens + x (1/transistor_ohm - transistor_off_siemens).  Of 0 ohm it is a switch: 0 or 1. */

enum xo_topology { XO_TOPOLOGY_CROSSBAR, XO_TOPOLOGY_SOURCE_COLUMN, XO_TOPOLOGY_SOURCE_ROW, XO_TOPOLOGY_PLANE };

/* What an input vector is: volts behind the rows' lines, or the gates of the rows, whose lines it finds at
 * source_volt.  With gates conductances depend on the input: no one matrix is exact. */
enum xo_input_kind { XO_INPUT_DRIVE, XO_INPUT_GATE };

struct xo_site { size_t row, column; };
struct xo_stuck { size_t row, column; double siemens; };
struct xo_bridge { size_t row, column; double ohm; };

struct xo_crossbar {
    size_t rows, columns;
    struct xo_values row_wire_ohm;     /* each: [rows][columns-1], between columns j and j+1 */
    struct xo_values column_wire_ohm;  /* each: [rows-1][columns], between rows i and i+1    */
    struct xo_values driver_ohm;       /* each: [rows], at every driven end                  */
    struct xo_values sense_ohm;        /* each: [columns], at every sensed end               */
    struct xo_values sense_volt;       /* each: [columns]                                    */
    struct xo_values series_ohm;       /* each: [rows][columns], in series with every cell   */
    struct xo_device_law law;          /* of the programmed device; its g is that of the device alone,        */
                                       /* whatever series_ohm and selector are in series with it              */
    enum xo_cell_type cell_type;
    struct xo_device_law selector;     /* 1S1R; at most one level                                             */
    double selector_siemens;           /* 1S1R: its g                                                         */
    double transistor_ohm;             /* 1T1R: on; 0: a switch                                               */
    double transistor_off_siemens;     /* 1T1R: off; 0: open                                                  */
    const double *gate;                /* 1T1R, input drive: [rows] 0..1; NULL: all on                        */
    enum xo_topology topology;         /* source_column and plane: input gate                                 */
    enum xo_input_kind input;               /* gate: 1T1R, and any topology but crossbar                           */
    struct xo_values source_wire_ohm;  /* each: source_row [rows][columns-1], source_column [rows-1][columns] */
    struct xo_values source_end_ohm;   /* each: source_row [rows], source_column [columns]; plane: one number */
    double source_volt;                /* input gate                                                          */
    enum xo_drive_side drive_side;
    enum xo_sense_side sense_side;
    enum xo_sense_side source_side;    /* source_column: the tied end of source lines                         */
    const struct xo_line *word_line;   /* [rows], or NULL: all driven   */
    const struct xo_line *bit_line;    /* [columns], or NULL: all sensed */

    /* Faults.  A later entry for the same place wins. */
    size_t stuck_count;             const struct xo_stuck *stuck;               /* cell conductance fixed   */
    size_t open_cell_count;         const struct xo_site *open_cell;            /* wins over stuck          */
    size_t open_word_segment_count; const struct xo_site *open_word_segment;    /* between j and j+1        */
    size_t open_bit_segment_count;  const struct xo_site *open_bit_segment;     /* between i and i+1        */
    size_t word_bridge_count;       const struct xo_bridge *word_bridge;        /* u[i][j] -- u[i+1][j]     */
    size_t bit_bridge_count;        const struct xo_bridge *bit_bridge;         /* w[i][j] -- w[i][j+1]     */
};

/* The defaults of the hardware file: wires 1 ohm, driver, sense and source lines' ends 100 ohm, left and bottom,
 * everything normal, source_volt 0.2 V. */
struct xo_crossbar xo_crossbar_default(size_t rows, size_t columns);

/* 1 if cells are anything but plain resistors (transistors as described above are), else 0. */
int xo_is_nonlinear(const struct xo_crossbar *x);
/* Ohms of a transistor with its gate at 0 to 1: 0 to XO_OPEN. */
double xo_transistor_ohm(double on_ohm, double off_siemens, double gate);
/* 1 if columns are ladders of their own: source_column and plane, whose rows share no line that carries current. */
int xo_is_ladder(const struct xo_crossbar *x);

#ifdef __cplusplus
}
#endif
#endif
