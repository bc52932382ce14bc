/* Law spice inside (internal).
 *     subcircuit_text.c     the netlist: definitions, pins and parameters of the subcircuit
 *     subcircuit_ask.c      decks of single cells: sweeps with the state held, short transients, read pulses
 *     subcircuit_state.c    how levels set the state, and whether it stays
 *     subcircuit_grid.c     levels and voltages, as many as it takes
 *     subcircuit_check.c    what a table must be, how far it is from ngspice
 *     subcircuit_cache.c    the file that keeps it
 *     subcircuit_program.c  conductances -> levels
 *     subcircuit.c          all of it in order
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SUBCIRCUIT_PRIVATE_H
#define XO_SUBCIRCUIT_PRIVATE_H

#include <stdio.h>
#include "arena.h"
#include "helper.h"
#include "xo_file.h"
#include "xo_subcircuit.h"

#define XO_MOST_LEVELS 1025
#define XO_MOST_VOLTS 1025
#define XO_TABLE_REL 4e-7              /* tables are refined until they miss no current by more, or are full */
#define XO_FLOOR_REL 1e-6              /* ... or, where less flows, this share of it of the reference current      */
#define XO_SAME_REL 1e-6               /* two ways of reading one point agree within this */

enum xo_pin { XO_PIN_WORD, XO_PIN_BIT, XO_PIN_GATE };

/* How a point is read. */
enum xo_reading {
    XO_READING_OPERATING,              /* operating point, nothing held                                */
    XO_READING_HELD,                   /* operating point, a source at the state node                  */
    XO_READING_SET,                    /* transient from .ic at the state node, its first moment        */
    XO_READING_INITIAL                 /* transient from the subcircuit's own IC=, after 2 ps           */
};

struct xo_subcircuit {
    struct xo_arena arena;             /* the texts of keys, pins                                      */
    struct xo_subcircuit_keys keys;
    const struct xo_ngspice_options *options;  /* while it is made */
    char *definitions;                 /* what of the netlist defines things; owned                    */
    size_t pins;
    enum xo_pin *pin;                  /* [pins] in the subcircuit's order                             */
    enum xo_reading reading;           /* of table points                                              */
    bool state_is_level;               /* the state node is set to the level itself, else where IC= puts it */
    size_t levels, volts;
    double *parameter, *state_volt;    /* [XO_MOST_LEVELS]                                             */
    double *volt;                      /* [XO_MOST_VOLTS] ascending, 0 and the reference among them    */
    double *amp;                       /* [levels][XO_MOST_VOLTS]                                      */
    struct xo_law_level *level;        /* [levels]                                                     */
    struct xo_subcircuit_report report;
    char version[XO_VERSION_SIZE], hash[65];
    char *cache;
};

static inline double *xo_curve(const xo_subcircuit *s, size_t level) { return s->amp + level * XO_MOST_VOLTS; }

/* subcircuit_text.c: fills in definitions, pins, pin. */
int xo_subcircuit_read(xo_subcircuit *s, const char **blame, struct xo_info *info);

/* One cell in a deck: the subcircuit between two nodes, its gate pin (if any) gate_volt above b.  .ic for its state
 * where it has one to be set. */
void xo_subcircuit_put(FILE *to, const xo_subcircuit *s, const char *name, const char *a, const char *b,
                       double parameter, double state_volt, bool ic);
extern const char *const xo_subcircuit_options;        /* the line .options of such decks */

/* How an array of such cells is read: by an operating point (or a sweep of them), or by a transient, at its first
 * moment (cells set by .ic) or its last. */
const char *xo_subcircuit_analysis(const xo_subcircuit *s);    /* "tran ...", NULL: operating points */
bool xo_subcircuit_is_set(const xo_subcircuit *s);

/* subcircuit_ask.c: currents of every level at every voltage by sweeps (OPERATING, HELD).
 *   amp   [levels][stride]    state [levels][stride] out, may be NULL: the state's voltage there */
int xo_subcircuit_sweep(const xo_subcircuit *s, enum xo_reading how, size_t levels, const double *parameter,
                        const double *state_volt, size_t volts, const double *volt, size_t stride, double *amp,
                        double *state, struct xo_info *info);

/* Single points by transients (SET, INITIAL): amp [points]; begin, end: the state's voltage, may be NULL.
 *   second  how long; 0: just long enough to be read */
int xo_subcircuit_transient(const xo_subcircuit *s, enum xo_reading how, double second, size_t points,
                            const double *parameter, const double *state_volt, const double *volt, double *amp,
                            double *begin, double *end, struct xo_info *info);

/* The one or the other, as s->reading says; amp [levels][stride]. */
int xo_subcircuit_measure(const xo_subcircuit *s, size_t levels, const double *parameter, const double *state_volt,
                          size_t volts, const double *volt, size_t stride, double *amp, struct xo_info *info);

/* Conductance at the reference voltage, siemens [levels]; for a reference of 0 the slope there. */
int xo_subcircuit_siemens(const xo_subcircuit *s, size_t levels, const double *parameter, const double *state_volt,
                          double *siemens, struct xo_info *info);

/* subcircuit_state.c: the states of `levels` levels; how points are to be read; does the state stay?  */
int xo_subcircuit_find_states(xo_subcircuit *s, size_t levels, const double *parameter, double *state_volt,
                              struct xo_info *info);
int xo_subcircuit_choose_reading(xo_subcircuit *s, const char **blame, struct xo_info *info);
int xo_subcircuit_check_state(xo_subcircuit *s, const char **blame, struct xo_info *info);

/* subcircuit_grid.c: levels, voltages, curves, all checked. */
int xo_subcircuit_tabulate(xo_subcircuit *s, const char **blame, struct xo_info *info);

/* subcircuit_check.c: every curve passes 0 at 0 V and rises; levels differ, in order. */
int xo_subcircuit_check_curve(const xo_subcircuit *s, double parameter, size_t volts, const double *volt, double *amp,
                              const char **blame, struct xo_info *info);
int xo_subcircuit_check_levels(const xo_subcircuit *s, const char **blame, struct xo_info *info);
int xo_subcircuit_compare(xo_subcircuit *s, struct xo_info *info);
double xo_subcircuit_miss(double found, double expected, double floor_amp);    /* relative, to the floor at least */
double xo_subcircuit_floor(const xo_subcircuit *s, size_t volts, const double *volt, const double *amp);

/* subcircuit_cache.c */
int xo_subcircuit_hash(xo_subcircuit *s, struct xo_info *info);
bool xo_subcircuit_load(xo_subcircuit *s);             /* false: not there, or not readable: measure */
void xo_subcircuit_store(xo_subcircuit *s);            /* a cache that cannot be written is none */

/* "x0 = 0.3" or "v(xs) = 0.3": a level in a message. */
enum { XO_LEVEL_TEXT = 80 };
const char *xo_subcircuit_level_text(char *text, const xo_subcircuit *s, double parameter);

#endif
