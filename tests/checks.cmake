# Checks that are scripts: of the sources, of the documents, and of the program against the oracle.
set(python python3)

set(lint ${CMAKE_SOURCE_DIR}/tests/lint)
foreach(check layers links words corpus)
  sigmoe_test(lint.${check} lint 60 sh ${lint}/check_${check}.sh ${CMAKE_SOURCE_DIR})
endforeach()
# A build for a debugger or a sanitizer is another one.
if(NOT SIGMOE_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  sigmoe_test(lint.hardening lint 60 sh ${lint}/check_hardening.sh $<TARGET_FILE:sigmoe_program> $<TARGET_FILE:sigmoe>)
endif()
sigmoe_test(lint.sbom lint 60 ${python} ${lint}/check_sbom.py ${CMAKE_BINARY_DIR}/sigmoe.spdx.json
  $<TARGET_FILE:sigmoe> $<TARGET_FILE:sigmoe_program>)
sigmoe_test(lint.checks lint 60 sh ${lint}/test_checks.sh)
sigmoe_test(lint.matrix lint 60 sh ${CMAKE_SOURCE_DIR}/tests/unit/kernels/test_print_matrix.sh)
sigmoe_test(lint.shell lint 300 sh ${lint}/check_shell.sh ${CMAKE_SOURCE_DIR})

sigmoe_test(baselines.losses baselines 900 ${python} ${CMAKE_SOURCE_DIR}/tests/baselines/losses.py $<TARGET_FILE:sigmoe_program>)

# The short forms; ./run torture has the long ones.
set(torture ${python} ${CMAKE_SOURCE_DIR}/tests/torture/torture.py $<TARGET_FILE:sigmoe_program> $<TARGET_FILE:with_faults>)
sigmoe_test(torture.calls torture 1800 ${torture} calls 1)
sigmoe_test(torture.kills torture 900 ${torture} kills 24)
sigmoe_test(torture.soak torture 900 ${torture} soak 2000)

set(oracle ${CMAKE_SOURCE_DIR}/tests/oracle)
sigmoe_test(oracle.vectors oracle 900 ${python} ${oracle}/check_vectors.py $<TARGET_FILE:sigmoe_program>)
sigmoe_test(oracle.checker oracle 600 ${python} ${oracle}/test_checker.py)
sigmoe_test(oracle.coverage oracle 60 ${python} ${oracle}/check_coverage.py $<TARGET_FILE:sigmoe_program>)

sigmoe_test(docs.commands docs 1800 ${python} ${CMAKE_SOURCE_DIR}/tests/docs/run_commands.py
  $<TARGET_FILE:sigmoe_program> ${CMAKE_SOURCE_DIR})
set_tests_properties(docs.commands PROPERTIES COST 1000) # the longest: it starts first, beside all others
sigmoe_test(docs.study docs 60 ${python} ${CMAKE_SOURCE_DIR}/tests/docs/study_page.py ${CMAKE_SOURCE_DIR})
sigmoe_test(docs.citation docs 60 ${python} ${CMAKE_SOURCE_DIR}/tests/docs/citation.py ${CMAKE_SOURCE_DIR})

# The report in a browser; a browser that is missing is a failure.
file(GLOB report_checks CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/report/test_*.py ${CMAKE_SOURCE_DIR}/tests/report/test_*.sh)
foreach(file ${report_checks})
  get_filename_component(name ${file} NAME_WE)
  if(file MATCHES "\\.py$")
    set(interpreter ${python})
  else()
    set(interpreter sh)
  endif()
  sigmoe_test(report.${name} report 600 ${interpreter} ${file} $<TARGET_FILE:sigmoe_program> ${CMAKE_SOURCE_DIR})
endforeach()
