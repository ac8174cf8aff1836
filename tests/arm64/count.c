/* A plugin for QEMU's user emulation: counts guest instructions, and writes the count into a file whenever the guest
 * closes a certain descriptor that cannot exist. So a program counts what a part of it costs (instructions.py).
 *
 * Debian ships the emulator with plugins and without their header, so the few declarations are here; the interface is
 * version 1 of https://www.qemu.org/docs/master/devel/tcg-plugins.html.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

typedef uint64_t plugin_id;
struct qemu_plugin_tb;
enum { ADD_U64 };

extern void qemu_plugin_register_vcpu_tb_trans_cb(plugin_id, void (*)(plugin_id, struct qemu_plugin_tb *));
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *, int, void *, uint64_t);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *);
extern void qemu_plugin_register_vcpu_syscall_cb(plugin_id, void (*)(plugin_id, unsigned, int64_t, uint64_t, uint64_t,
                                                                     uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                                                                     uint64_t));

enum { CLOSE_AARCH64 = 57, CLOSE_ARM = 6, MARK = 0x6f6372 };

static uint64_t count;
static char path[4096];

static void translated(plugin_id id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &count, qemu_plugin_tb_n_insns(block));
}

static void called(plugin_id id, unsigned vcpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)vcpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if ((number != CLOSE_AARCH64 && number != CLOSE_ARM) || a1 != MARK)
        return;
    FILE *file = fopen(path, "w");
    if (file == NULL)
        return; /* the guest finds no count, and says so */
    fprintf(file, "%llu", (unsigned long long)count);
    fclose(file);
}

EXPORT int qemu_plugin_version = 1;

EXPORT int qemu_plugin_install(plugin_id id, const void *info, int argc, char **argv)
{
    (void)info;
    if (argc != 1 || strncmp(argv[0], "count=", 6) != 0 || strlen(argv[0] + 6) >= sizeof path) {
        fputs("count: say count=PATH\n", stderr);
        return -1;
    }
    strcpy(path, argv[0] + 6);
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
