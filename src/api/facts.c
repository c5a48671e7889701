// What the library was built from, and what it finds where it runs.
#include "base/cpu.h"
#include "base/threads_place.h"
#include "plot/gnuplot.h"
#ifdef SIGMOE_ONEDNN
#include "kernels/dense_gemm/onednn_version.h"
#endif

#include <jansson.h>
#include <nettle/version.h>
#include <pthread.h>
#include <stdio.h>
#ifdef SIGMOE_PREPARE
#include <archive.h>
#include <curl/curl.h>
#include <zlib.h>
#endif
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#ifdef __clang__
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

enum { MOST_FACTS = 24, VERSION_SIZE = 40 };

static sigmoe_fact facts[MOST_FACTS];
static int count;

static void add(const char *group, const char *name, const char *value, const char *loaded) {
    facts[count++] = (sigmoe_fact){.group = group, .name = name, .value = value, .loaded = loaded};
}

static void add_feature(const char *name, bool present) {
    add("features", name, present ? "yes" : "no", NULL);
}

static void add_build(void) {
    add("build", "compiler", COMPILER, NULL);
    add("build", "type", *SIGMOE_BUILD_TYPE ? SIGMOE_BUILD_TYPE : "None", NULL);
    add("build", "sanitizers", *SIGMOE_SANITIZERS ? SIGMOE_SANITIZERS : "none", NULL);
}

static void add_processor(void) {
    static char threads[16];
    snprintf(threads, sizeof threads, "%d", threads_available());
    add("processor", "detected", cpu_level_name(cpu_hardware()), NULL);
    add("processor", "level", cpu_level_name(cpu_current()), NULL);
    add("processor", "threads", threads, NULL);
}

static void add_features(void) {
    bool onednn = false, prepare = false, x86 = false, mpi = false;
#ifdef SIGMOE_ONEDNN
    onednn = true;
#endif
#ifdef SIGMOE_PREPARE
    prepare = true;
#endif
#ifdef SIGMOE_X86
    x86 = true;
#endif
    add_feature("x86_kernels", x86);
    add_feature("onednn", onednn);
    add_feature("sentencepiece", true);
    add_feature("data_preparation", prepare);
#ifdef SIGMOE_MPI
    mpi = true;
#endif
    add_feature("mpi", mpi);
    add_feature("gnuplot", plot_ready(true, NULL));
}

static void add_libraries_of_models(void) {
#ifdef __GLIBC__
    static char glibc[VERSION_SIZE];
    snprintf(glibc, sizeof glibc, "%d.%d", __GLIBC__, __GLIBC_MINOR__);
    add("libraries", "glibc", glibc, gnu_get_libc_version());
#endif
#ifdef SIGMOE_ONEDNN
    static char compiled[ONEDNN_VERSION_SIZE], loaded[ONEDNN_VERSION_SIZE];
    onednn_versions(compiled, loaded);
    add("libraries", "onednn", compiled, loaded);
#endif
    // It does not say its version to those that have loaded it.
    add("libraries", "sentencepiece", *SIGMOE_SENTENCEPIECE ? SIGMOE_SENTENCEPIECE : NULL, NULL);
}

static void add_libraries_of_files(void) {
    static char nettle[2][VERSION_SIZE];
    const char *jansson = NULL;
#if JANSSON_VERSION_HEX >= 0x020d00
    jansson = jansson_version_str();
#endif
    add("libraries", "jansson", JANSSON_VERSION, jansson);
    snprintf(nettle[0], VERSION_SIZE, "%d.%d", NETTLE_VERSION_MAJOR, NETTLE_VERSION_MINOR);
    snprintf(nettle[1], VERSION_SIZE, "%d.%d", nettle_version_major(), nettle_version_minor());
    add("libraries", "nettle", nettle[0], nettle[1]);
#ifdef SIGMOE_PREPARE
    static char archive[VERSION_SIZE];
    int number = archive_version_number();
    snprintf(archive, sizeof archive, "%d.%d.%d", number / 1000000, number / 1000 % 1000, number % 1000);
    add("libraries", "libarchive", ARCHIVE_VERSION_ONLY_STRING, archive);
    add("libraries", "libcurl", LIBCURL_VERSION, curl_version_info(CURLVERSION_NOW)->version);
    add("libraries", "zlib", ZLIB_VERSION, zlibVersion());
#endif
}

static void find_out(void) {
    add_build();
    add_processor();
    add_features();
    add_libraries_of_models();
    add_libraries_of_files();
}

bool sigmoe_fact_at(int index, sigmoe_fact *fact) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, find_out);
    if (index < 0 || index >= count) return false;
    *fact = facts[index];
    return true;
}
