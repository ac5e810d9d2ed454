/*
 * test_battery.c: folders as the kernel shows power supplies.
 */
#include "player/battery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const names[] = {"type", "scope", "status", "capacity"};

static void put(const char *folder, const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    (void)unlink(path);
    if (text[0] == '\0') {
        return;
    }
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file, "%s\n", text);
    fclose(file);
}

static void test_rows(void **state)
{
    static const struct {
        const char *words[4]; /* of names; "" = no such file */
        bool is_low;
    } rows[] = {
        {{"Battery", "", "Discharging", "19"}, true},
        {{"Battery", "System", "Discharging", "0"}, true},
        {{"Battery", "", "Discharging", "20"}, false},
        {{"Battery", "", "Charging", "5"}, false},
        {{"Battery", "", "Full", "5"}, false},
        {{"Battery", "Device", "Discharging", "5"}, false}, /* a mouse */
        {{"Mains", "", "Discharging", "5"}, false},
        {{"Battery", "", "Discharging", ""}, false},
        {{"Battery", "", "Discharging", "x"}, false},
        {{"Battery", "", "Discharging", "-3"}, false},
        {{"", "", "", ""}, false},
    };
    char base[] = "/tmp/refrain-battery-XXXXXX";
    char mains[100], supply[100];
    (void)state;
    assert_non_null(mkdtemp(base));
    snprintf(mains, sizeof mains, "%s/AC", base);
    snprintf(supply, sizeof supply, "%s/BAT0", base);
    assert_int_equal(mkdir(mains, 0700), 0);
    assert_int_equal(mkdir(supply, 0700), 0);
    put(mains, "type", "Mains");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t j = 0; j < 4; j++) {
            put(supply, names[j], rows[i].words[j]);
        }
        assert_int_equal(battery_is_low(base), rows[i].is_low);
    }
    put(mains, "type", "");
    rmdir(mains);
    rmdir(supply);
    rmdir(base);
    assert_false(battery_is_low(base));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
