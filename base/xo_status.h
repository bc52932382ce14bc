/* Status codes and the one-line explanation that travels with them.
 *
 * Every function that can fail returns an int: 0 is success, a negative value is one of ours, a positive
 * value is an errno, so that "No space left on device" reaches the user.  What went wrong, where, and what
 * was expected goes into a struct xo_info, which every function accepts as NULL.
 * The library never prints, exits, aborts or keeps a global.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_STATUS_H
#define XO_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#define XO_STATUS_LIST(X)                                                                   \
    X(XO_ESYNTAX,      -1, "not well formed")                                               \
    X(XO_EVALUE,       -2, "value of the wrong type or out of range")                       \
    X(XO_ESHAPE,       -3, "shapes do not agree")                                           \
    X(XO_ETOOBIG,      -4, "too large for this build")                                      \
    X(XO_ECONFLICT,    -5, "zero-ohm path between different voltages")                      \
    X(XO_ESINGULAR,    -6, "the factorisation broke down")                                  \
    X(XO_ENOTPROVEN,   -7, "the result could not be proven accurate enough")                \
    X(XO_EUNSUPPORTED, -8, "not offered by this engine or version")                         \
    X(XO_ESTOPPED,     -9, "stopped by the caller")                                         \
    X(XO_EJUDGE,       -10, "ngspice gave no answer")

enum xo_status {
#define XO_STATUS_ENUM(name, value, text) name = value,
    XO_STATUS_LIST(XO_STATUS_ENUM)
#undef XO_STATUS_ENUM
    XO_OK = 0
};

/* One line for a person: place, finding, expectation.  Empty until something fails. */
struct xo_info {
    char text[512];
};

/* The general text of a status, ours or errno's.  Never NULL; valid until the thread's next call. */
const char *xo_strerror(int status);

#if defined __GNUC__
#define XO_PRINTF(text, first) __attribute__((format(printf, text, first)))
#else
#define XO_PRINTF(text, first)
#endif

/* Write one line into info (may be NULL) and return status: `return xo_fail(info, XO_EVALUE, ...)`.
 * A text already there is overwritten. */
int xo_fail(struct xo_info *info, int status, const char *format, ...) XO_PRINTF(3, 4);

#ifdef __cplusplus
}
#endif
#endif
