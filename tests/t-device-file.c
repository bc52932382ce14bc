/* device: {file: device.yaml}: what is in there counts, what stands beside it wins, and mistakes name their file.
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "scratch.h"
#include "tap.h"
#include "xo_file.h"
#include "xo_hardware.h"

static struct xo_info info;

static int read_text(struct xo_hardware *h, const char *text, size_t sets, const char *const *set)
{
    *h = (struct xo_hardware){0};
    info.text[0] = 0;
    scratch_put("board/f.yaml", text, strlen(text));
    int status = xo_hardware_read(h, "board/f.yaml", sets, set, &info);
    if (status)
        printf("# %s\n", info.text);
    return status;
}

static void put(const char *name, const char *text)
{
    scratch_put(name, text, strlen(text));
}

static void the_file_counts(void)
{
    struct xo_hardware h;
    put("board/d.yaml", "crossohm: 1\ndevice:\n  on_siemens: 3e-4\n  off_siemens: 2e-4\n  bits_per_cell: 3\n");
    read_text(&h, "device: {file: d.yaml}\n", 0, NULL);
    tap_ok(h.device.on_siemens == 3e-4 && h.device.off_siemens == 2e-4 && h.device.bits_per_cell == 3,
           "values of the device file, found beside the hardware file");
    xo_hardware_free(&h);
    read_text(&h, "device: {bits_per_cell: 1, file: d.yaml}\n", 0, NULL);
    tap_ok(h.device.on_siemens == 3e-4 && h.device.bits_per_cell == 1,
           "a key beside the file wins, whatever its place");
    xo_hardware_free(&h);
    read_text(&h, "device: {file: d.yaml}\n", 1, (const char *[]){"device.on_siemens=5e-4"});
    tap_ok(h.device.on_siemens == 5e-4 && h.device.off_siemens == 2e-4, "--set wins over the file");
    xo_hardware_free(&h);
    read_text(&h, "{}", 1, (const char *[]){"device.file=d.yaml"});
    tap_ok(h.device.on_siemens == 3e-4, "--set names a file too");
    xo_hardware_free(&h);
    tap_ok(read_text(&h, "device: {law: table, file: d.yaml}\n", 0, NULL) && !strstr(info.text, "d.yaml:"),
           "beside a law table it is the law's");
    xo_hardware_free(&h);
}

static void names_in_it_are_relative_to_it(void)
{
    const size_t shape[] = {2, 2};
    struct xo_ndarray r;
    struct xo_hardware h;
    xo_ndarray_new(&r, 2, shape);
    r.value[3] = 7;
    xo_npy_write("board/cells/r.npy", &r, NULL);
    xo_ndarray_free(&r);
    put("board/cells/d.yaml", "device: {series_ohm: r.npy}\n");
    int status = read_text(&h, "array: {rows: 2, columns: 2}\ndevice: {file: cells/d.yaml}\n", 0, NULL);
    if (!status)
        status = xo_hardware_finish(&h, 0, 0, &info);
    tap_ok(!status && h.array.series_ohm.each && h.array.series_ohm.each[3] == 7, "a name in it is relative to it");
    xo_hardware_free(&h);
}

static void layers_have_their_own(void)
{
    struct xo_hardware h, layer = {0};
    bool keep;
    char *text = NULL;
    read_text(&h, "layers: {c1: {device: {file: d.yaml, bits_per_cell: 4}}}\n", 0, NULL);
    int status = xo_hardware_for_layer(&layer, &h, "c1", &keep, &info);
    tap_ok(!status && layer.device.on_siemens == 3e-4 && layer.device.bits_per_cell == 4 &&
           h.device.on_siemens == 1e-5,
           "a layer has a device file of its own");
    xo_hardware_free(&layer);
    tap_ok(!xo_hardware_print(&text, &h) && strstr(text, "on_siemens: 0.0003") && !strstr(text, "file"),
           "printed, its values stand for it");
    free(text);
    xo_hardware_free(&h);
}

static void refuses(const char *outer, const char *inner, const char *message)
{
    struct xo_hardware h;
    put("board/d.yaml", inner);
    int status = read_text(&h, outer, 0, NULL);
    tap_ok(status && !strncmp(info.text, message, strlen(message)) && !h.owned, "%s", message);
    xo_hardware_free(&h);
}

static void mistakes_name_their_file(void)
{
    static const char outer[] = "device:\n  file: d.yaml\n";
    refuses("device: {file: nosuch.yaml}", "", "board/f.yaml:1:16: device.file: board/nosuch.yaml: ");
    refuses("device: {file: [d.yaml]}", "",
            "board/f.yaml:1:16: device.file: found a list; expected the name of a device");
    refuses("device: {file: }", "", "board/f.yaml:1:16: device.file: found nothing");
    refuses("device: {file: ..}", "", "board/f.yaml:1:16: device.file: board/..: ");
    refuses(outer, "", "board/d.yaml:1:1: found nothing; expected device");
    refuses(outer, "[1]", "board/d.yaml:1:1: found a list; expected device");
    refuses(outer, "crossohm: 1\n", "board/d.yaml:1:1: found no device");
    refuses(outer, "crossohm: 2\ndevice: {}\n", "board/d.yaml:1:11: crossohm: found 2; expected 1");
    refuses(outer, "device: 3\n", "board/d.yaml:1:9: device: found 3; expected a mapping");
    refuses(outer, "device: {}\narray: {rows: 3}\n", "board/d.yaml:2:1: unknown key array in a device file");
    refuses(outer, "device:\n  on_siemens: 1u\n",
            "board/d.yaml:2:15: device.on_siemens: found 1u; expected a number");
    refuses(outer, "device:\n  on_simens: 1\n", "board/d.yaml:2:3: unknown key device.on_simens; expected perhaps");
    refuses(outer, "device: {on_siemens: 1e-7}\n",
            "board/d.yaml:1:22: device: found on_siemens 1e-07 with off_siemens");
    refuses(outer, "device: {file: d.yaml}\n", "board/d.yaml:1:10: device.file: found another device file");
    refuses(outer, "device: {on_siemens: 1\n", "board/d.yaml:");
}

int main(void)
{
    if (!scratch_enter() || system("mkdir -p board/cells"))
        return tap_skip_all("a folder to write to");
    the_file_counts();
    names_in_it_are_relative_to_it();
    layers_have_their_own();
    mistakes_name_their_file();
    scratch_leave();
    return tap_done();
}
