/* Texts in HDF5 (internal).
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef XO_HDF5_TEXT_H
#define XO_HDF5_TEXT_H

#include <hdf5.h>

/* A type of `length` characters of UTF-8 and a NUL; close it.  Negative on failure. */
static inline hid_t xo_hdf5_text(size_t length)
{
    hid_t type = H5Tcopy(H5T_C_S1);
    if (type >= 0 && (H5Tset_size(type, length + 1) < 0 || H5Tset_cset(type, H5T_CSET_UTF8) < 0)) {
        H5Tclose(type);
        type = -1;
    }
    return type;
}

#endif
