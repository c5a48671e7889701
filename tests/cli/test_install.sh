#!/bin/sh
# What `cmake --install` leaves: a program that finds its library wherever the prefix is, a header that C and C++ programs can
# use through pkg-config and CMake, and a library that shows sigmoe_* and nothing else.
set -eu
# shellcheck source=tests/cli/common.sh
. "$2/tests/cli/common.sh"

build=$(dirname "$program")
cmake --install "$build" --prefix "$work/first" >stdout 2>stderr || problem "install: $(cat stderr)"
sh "$root/tests/lint/check_runpaths.sh" "$build" first >bad || problem "search paths: $(cat bad)"
mv first prefix
program=$work/prefix/bin/sigmoe
works --version
version=$(sed 's/sigmoe //' stdout)
PKG_CONFIG_PATH=$work/$(dirname "$(find prefix -name sigmoe.pc)")
export PKG_CONFIG_PATH
[ "$(pkg-config --modversion sigmoe)" = "$version" ] || problem "pkg-config and the program differ about the version"
flags=$(pkg-config --cflags --libs sigmoe)

# The manual and the completion of shells stand where these look.
for file in man/man1/sigmoe.1 man/man1/sigmoe-data-prepare.1 man/man5/sigmoe-config.5 bash-completion/completions/sigmoe \
    zsh/site-functions/_sigmoe fish/vendor_completions.d/sigmoe.fish; do
    [ -s "prefix/share/$file" ] || problem "share/$file is not installed"
done

python3 "$root/tests/lint/check_sbom.py" prefix/share/doc/sigmoe/sigmoe.spdx.json "$(find prefix -name libsigmoe.so.0)" >bad ||
    problem "sigmoe.spdx.json: $(cat bad)"

# A library of the system's name where the program is started is not the program's.
mkdir planted
for name in libm.so.6 libc.so.6 libsigmoe.so.0; do echo planted >"planted/$name"; done
for place in "$build" "$work/prefix/bin"; do
    (cd planted && "$place/sigmoe" --version >../stdout 2>../stderr) || problem "$place/sigmoe loads what is planted: $(cat stderr)"
done

cat >user.c <<'C'
#include <sigmoe.h>
#include <stdio.h>

static sigmoe_flag stop;

/* The flag of any language reaches the library. */
static sigmoe_status stopped(void) {
    static const char *const inputs[] = {"user.c"};
    sigmoe_prepare_request request;
    sigmoe_observer observer;
    sigmoe_prepare_defaults(&request);
    sigmoe_observer_defaults(&observer);
    request.kind = "text";
    request.inputs = inputs;
    request.input_count = 1;
    request.out = "stopped";
    observer.stop = &stop;
    sigmoe_flag_set(&stop, 0);
    sigmoe_flag_increment(&stop);
    return sigmoe_flag_get(&stop) == 1 ? sigmoe_prepare(&request, &observer) : SIGMOE_OK;
}

int main(void) {
    sigmoe_config *config;
    sigmoe_summary summary;
    if (sigmoe_initialize() || sigmoe_config_from_preset("wt-s-dense", &config) ||
        sigmoe_config_summary(config, 1, SIGMOE_RECOMPUTE_NONE, SIGMOE_F32, &summary)) {
        puts(sigmoe_message());
        return 1;
    }
    printf("%d.%d.%d %s %lld\n", SIGMOE_VERSION_MAJOR, SIGMOE_VERSION_MINOR, SIGMOE_VERSION_PATCH, sigmoe_version(),
        (long long)summary.parameters);
    sigmoe_config_free(config);
    return stopped() == SIGMOE_INTERRUPTED ? 0 : 1;
}
C
cp user.c user.cc
library=$(dirname "$(find prefix -name libsigmoe.so)")
for compiler in 'cc -std=c11 -pedantic -Wall -Wextra -Werror user.c' 'c++ -std=c++11 -Wall -Wextra -Werror user.cc'; do
    # shellcheck disable=SC2086  # words are words
    $compiler $flags -Wl,-rpath,"$library" -o user || problem "$compiler does not compile"
    ./user >stdout || problem "$compiler: the flag does not stop the library"
    [ "$(cat stdout)" = "$version $version 47260120" ] || problem "$compiler: the program prints $(cat stdout)"
done

# CMake finds the same library, of a version that serves, where the prefix has been moved to.
cat >CMakeLists.txt <<'CMAKE'
cmake_minimum_required(VERSION 3.22)
project(user LANGUAGES C CXX)
find_package(sigmoe ${wanted} REQUIRED)
add_executable(user_c user.c)
add_executable(user_cxx user.cc)
foreach(user user_c user_cxx)
  target_link_libraries(${user} PRIVATE sigmoe::sigmoe)
endforeach()
CMAKE
# found WANTED: whether find_package takes the library for that version.
found() { cmake -G Ninja -S . -B cmake-user -Dwanted="$1" -DCMAKE_PREFIX_PATH="$work/prefix" >cmake.log 2>&1; }
for wanted in '' "$version" "${version%.*}"; do found "$wanted" || problem "find_package(sigmoe $wanted): $(cat cmake.log)"; done
cmake --build cmake-user >cmake.log 2>&1 || problem "CMake's program does not compile: $(cat cmake.log)"
for user in user_c user_cxx; do
    cmake-user/$user >stdout || problem "$user: the flag does not stop the library"
    [ "$(cat stdout)" = "$version $version 47260120" ] || problem "$user: the program prints $(cat stdout)"
done
for wanted in 0.1 99; do ! found $wanted || problem "find_package(sigmoe $wanted) takes version $version for it"; done
case $(readlink "$library/libsigmoe.so") in
libsigmoe.so.0) ;;
*) problem "libsigmoe.so is $(readlink "$library/libsigmoe.so")" ;;
esac

for time in first second; do # the second one replaces what the first has made
    sh "$root/examples/run.sh" prefix >stdout 2>stderr || problem "examples, $time time: $(tail -n 3 stderr)"
done
listed=$("$program" presets --json | grep -c '"name"')
[ "$(grep -c "^$listed presets, 0 " stdout)" -eq 2 ] || problem "examples/presets.c says of $listed presets: $(cat stdout)"
# Untrained, it would score 3.7, the logarithm of the 13 characters that occur.
grep -q '^test: [12]\.[0-9]* bits per character$' stdout || problem "examples/train.c says: $(cat stdout)"
# An untrained layer's output is 0.7 off, on average.
grep -q '^step 1000: error 0\.1' stdout || problem "examples/layer.c says: $(cat stdout)"

for file in "$library/libsigmoe.so" "$library/libsigmoe_double.so"; do
    others=$(nm -D --defined-only "$file" | awk '{print $3}' | grep -v '^sigmoe_' | grep -vE '^(_init|_fini)$' || true)
    [ -z "$others" ] || problem "$file also shows $others"
done

# The same program in both precisions.
cat >precision.c <<'C'
#include <sigmoe.h>
#include <stdio.h>

int main(void) {
    sigmoe_experts_options options;
    sigmoe_experts_call call;
    sigmoe_experts *experts;
    const int64_t index = 0;
    const sigmoe_real one = 1, up = (sigmoe_real)1e-9 + 1;
    sigmoe_real y = 0;
    sigmoe_experts_defaults(&options);
    options.experts = options.width = options.expert_size = 1;
    sigmoe_experts_call_defaults(&call);
    call.tokens = call.slots = 1;
    call.index = &index;
    call.x = call.down = &one;
    call.up = &up;
    if (sigmoe_experts_create(&options, &experts) || sigmoe_experts_forward(experts, &call, &y, 0)) puts(sigmoe_message());
    printf("%.9f\n", (double)y);
    sigmoe_experts_free(experts);
    return 0;
}
C
# shellcheck disable=SC2086  # words are words
cc -Wall -Wextra -Werror precision.c $flags "-Wl,-rpath,$library" -o single || problem "precision.c does not compile"
[ "$(./single)" = 1.000000000 ] || problem "with libsigmoe, y is $(./single)"
# shellcheck disable=SC2046  # words are words
cc -Wall -Wextra -Werror -DSIGMOE_REAL_DOUBLE precision.c $(pkg-config --cflags sigmoe) "-L$library" -lsigmoe_double \
    "-Wl,-rpath,$library" -o double || problem "precision.c does not compile in double precision"
[ "$(./double)" = 1.000000001 ] || problem "with libsigmoe_double, y is $(./double)"

finish
