/* Law spice: an engineer's own subcircuit as the cell of an array.
 *     xo_subcircuit_new()      netlist file and keys -> curves I(v) at many levels, read by ngspice, checked, cached
 *     xo_subcircuit_levels()   those curves, for struct xo_device_law (law XO_LAW_SPICE, the table law's mathematics)
 *     xo_subcircuit_program()  conductances -> what sets a cell to them, by program and verify in ngspice
 *
 * Compact models carry state.  At an operating point, and all along a .dc sweep, the state has run to equilibrium, so
 * what is read there has forgotten what was programmed.  `read: frozen` holds it: curves come from .dc sweeps with a
 * source at the state node, and are compared with short transients that begin at .ic v(state) = x; everything but the
 * state is settled.  Without a state node, states stand where the subcircuit's own IC= put them, in the first
 * picoseconds of a transient.  `read: dc` takes operating points, for subcircuits that have no state.
 *
 * Levels are equal steps of level_range, halved where the mixture of two neighbours misses the one between them;
 * voltages lie as close as the cubics of the table law need.  How far the tables are from ngspice between all these
 * points is measured at further ones, and reported.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_SUBCIRCUIT_H
#define XO_SUBCIRCUIT_H

#include <stdbool.h>
#include <stddef.h>
#include "xo_crossbar.h"
#include "xo_status.h"

#ifdef __cplusplus
extern "C" {
#endif

struct xo_ngspice_options;             /* xo_ngspice.h */

enum xo_spice_read { XO_READ_FROZEN, XO_READ_DC };

struct xo_subcircuit_keys {
    const char *file;                  /* netlist that holds or includes the subcircuit; only definitions count    */
    const char *name;                  /* of the subcircuit                                                        */
    const char *level_parameter;       /* the parameter that sets a level; NULL: the state alone does              */
    const char *state_node;            /* inside the subcircuit, "xs" or "x1.xs"; NULL: none                       */
    const char *word_pin, *bit_pin;    /* NULL: the first and the second that are no gate                          */
    const char *gate_pin;              /* NULL: none                                                               */
    double gate_volt;                  /* of the gate pin, against the bit pin                                     */
    double level_range[2];             /* of level_parameter; without one, of the state's voltage                  */
    double volt_range[2];              /* from word pin to bit pin; holds 0 and reference_volt                     */
    double reference_volt;             /* where conductance is I/v; 0: the slope at 0 V                            */
    enum xo_spice_read read;
    bool read_given;                   /* false: an error if frozen and dc differ                                  */
    double read_volt, read_second;     /* a read pulse, for the disturb                                            */
    double tolerance;                  /* of worst_rel, see the report; 0: none.  Not among what tables depend on  */
};

struct xo_subcircuit_report {
    size_t levels, volts;              /* of the tables                                                            */
    size_t extra_points;               /* where tables and ngspice were compared besides                           */
    double worst_rel;                  /* there: |table - ngspice| over the current itself, or 1e-6 of that at the
                                          reference, whatever is more                                              */
    double worst_full_scale;           /* ... over the largest current of any level                                */
    double transient_rel;              /* sweeps against transients with the state set, likewise; NaN: not needed  */
    double disturb;                    /* largest change of the state in one read pulse, over the range of states;
                                          NaN: no state node                                                       */
    double low_siemens, high_siemens;  /* of all levels                                                            */
    bool cached;                       /* nothing was measured: the tables were found in the cache                 */
    const char *cache;                 /* the file they are in; NULL: none                                         */
    const char *ngspice;               /* its version, as it says                                                  */
};

typedef struct xo_subcircuit xo_subcircuit;

/* Tables of a subcircuit.  They are kept in $XDG_CACHE_HOME/crossohm (else ~/.cache/crossohm) under the SHA-256 of
 * all text that ngspice reads, all keys, and the versions of this library and of ngspice; CROSSOHM_CACHE names
 * another folder, and "off" keeps none.  Such a file is a table of law table as well.
 *   blame  out on failure: the key at fault, "file", "subcircuit", "state_node", ...; a literal
 * XO_EVALUE: tables that miss the tolerance; no such subcircuit, pin or parameter; a current at 0 V, one that falls;
 * levels of equal curves or not in order of conductance; a state that does not stay.  XO_EJUDGE,
 * XO_ESYNTAX, XO_ESTOPPED, errno, ENOMEM. */
int xo_subcircuit_new(xo_subcircuit **out, const struct xo_subcircuit_keys *keys,
                      const struct xo_ngspice_options *options, const char **blame, struct xo_info *info);
void xo_subcircuit_free(xo_subcircuit *s);             /* NULL allowed */

/* How far tables that miss the subcircuit's currents can move any terminal's current of an array of such cells:
 *     e sum over all cells of max(|I|, floor) / (1 - cells e)
 * with e = worst_rel (or what tables are refined to, whatever is more) and the report's floor; or, if less, e times
 * as much as all cells can carry.  For, put a source d = I(v) - table(v) beside every cell, v the voltages of the
 * array of the true cells, and the array of tables is that array.  In a network of rising laws a current that enters
 * at one node and leaves at another changes no branch's or terminal's current by more than itself (of small ones the
 * terminals get shares between 0 and 1, and large ones are sums of small ones), so a terminal's current moves by
 * sum |d| at most, and so does every cell's, which is what 1 - cells e allows for.  A series resistance or selector
 * only makes d smaller.  It is as true as e: that is measured, at extra_points.
 *   cells      how many;  cells_amp  sum of |I| over them, from the tables */
double xo_subcircuit_moves(const xo_subcircuit *s, size_t cells, double cells_amp);

/* Borrowed from s. */
const struct xo_law_level *xo_subcircuit_levels(const xo_subcircuit *s, size_t *levels);
const struct xo_subcircuit_report *xo_subcircuit_report(const xo_subcircuit *s);

/* Level k of the tables, in the order of level_range: its parameter, the state's voltage (NaN without a state node),
 * its conductance. */
void xo_subcircuit_level(const xo_subcircuit *s, size_t k, double *parameter, double *state_volt, double *siemens);

/* What sets cells to these conductances (program and verify: ngspice is asked until they are met within 1e-9, or no
 * closer).
 *   siemens        [count]  0 is allowed and skipped
 *   parameter      [count]  out: of level_parameter, or of the state
 *   state_volt     [count]  out: NaN without a state node
 * XO_EVALUE names a conductance that no level has; statuses of ngspice; ENOMEM. */
int xo_subcircuit_program(const xo_subcircuit *s, size_t count, const double *siemens,
                          const struct xo_ngspice_options *options, double *parameter, double *state_volt,
                          struct xo_info *info);

#ifdef __cplusplus
}
#endif
#endif
