# sigmoe_hardening: what makes a memory error harder to use. tests/lint/check_hardening.sh reads it off the files that were built.
# Sanitizers find more, and do not work with it.
add_library(sigmoe_hardening INTERFACE)
include(CheckPIESupported)
check_pie_supported()
if(NOT SIGMOE_SANITIZE)
  target_compile_options(sigmoe_hardening INTERFACE -fstack-protector-strong)
  include(CheckCCompilerFlag)
  # Control flow (x86-64 with CET), and stacks that cannot jump over their guard page.
  foreach(flag -fcf-protection=full -fstack-clash-protection)
    string(MAKE_C_IDENTIFIER have${flag} have)
    check_c_compiler_flag("${flag} -Werror" ${have})
    if(${have})
      target_compile_options(sigmoe_hardening INTERFACE ${flag})
    endif()
  endforeach()
  # Checked sizes in the C library's functions need an optimizing compiler. Distributions define another level.
  target_compile_options(sigmoe_hardening INTERFACE $<$<NOT:$<CONFIG:Debug>>:-U_FORTIFY_SOURCE>
    $<$<NOT:$<CONFIG:Debug>>:-D_FORTIFY_SOURCE=3>)
  target_link_options(sigmoe_hardening INTERFACE LINKER:-z,relro,-z,now,-z,noexecstack)
endif()
# The same bytes wherever the sources and the build are: no path of theirs in messages and in what debuggers read. The last that
# matches counts, and the build may be within the sources.
add_compile_options($<$<NOT:$<CONFIG:Debug>>:-ffile-prefix-map=${CMAKE_SOURCE_DIR}=.>
  $<$<NOT:$<CONFIG:Debug>>:-ffile-prefix-map=${CMAKE_BINARY_DIR}=build>)
