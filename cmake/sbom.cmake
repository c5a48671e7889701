# cmake -DFILES=... -DREADELF=... -DCC=... -DVERSION=... -DOUTPUT=sigmoe.spdx.json [-DHEADERS=PATH] -P sbom.cmake: what the files
# of the build are linked with, as an SPDX 2.3 document. Libraries are those that the files name for the loader. Versions and
# packages are the system's, where dpkg knows them. With SOURCE_DATE_EPOCH the same build gives the same document.
cmake_minimum_required(VERSION 3.22)

# Licences of what we link, by the library's name without its version. lint.sbom fails where one is missing.
set(license_ld-linux-x86-64 LGPL-2.1-or-later)
set(license_ld-linux-aarch64 LGPL-2.1-or-later)
set(license_libarchive BSD-2-Clause)
set(license_libc LGPL-2.1-or-later)
set(license_libcurl curl)
set(license_libdl LGPL-2.1-or-later)
set(license_libdnnl Apache-2.0)
set(license_libgcc_s "GPL-3.0-or-later WITH GCC-exception-3.1")
set(license_libgomp "GPL-3.0-or-later WITH GCC-exception-3.1")
set(license_libjansson MIT)
set(license_libm LGPL-2.1-or-later)
set(license_libmvec LGPL-2.1-or-later)
set(license_libnettle "LGPL-3.0-or-later OR GPL-2.0-or-later")
set(license_libpthread LGPL-2.1-or-later)
set(license_libsentencepiece Apache-2.0)
set(license_libsentencepiece_train Apache-2.0)
set(license_libstdc++ "GPL-3.0-or-later WITH GCC-exception-3.1")
set(license_libz Zlib)
set(license_random123 BSD-3-Clause) # headers that are compiled in

# The package of the system that has the file, and its version; empty where dpkg does not know it.
function(find_package_of path package version)
  set(${package} "" PARENT_SCOPE)
  set(${version} "" PARENT_SCOPE)
  find_program(DPKG_QUERY dpkg-query)
  file(REAL_PATH "${path}" real)
  # Where /lib is a link into /usr, packages may name either.
  string(REGEX REPLACE "^/usr/lib" "/lib" short "${real}")
  foreach(name "${real}" "${short}")
    if(NOT DPKG_QUERY)
      return()
    endif()
    execute_process(COMMAND ${DPKG_QUERY} -S ${name} OUTPUT_VARIABLE found ERROR_QUIET RESULT_VARIABLE missing)
    if(NOT missing AND found MATCHES "^([^:, ]+)")
      set(owner ${CMAKE_MATCH_1})
      execute_process(COMMAND ${DPKG_QUERY} -W -f "\${Version}\n" ${owner} OUTPUT_VARIABLE found ERROR_QUIET)
      string(REGEX REPLACE "\n.*" "" found "${found}")
      set(${package} ${owner} PARENT_SCOPE)
      set(${version} ${found} PARENT_SCOPE)
      return()
    endif()
  endforeach()
endfunction()

# quoted(OUT TEXT): as a JSON string. Our texts have nothing to escape but these.
function(quoted out text)
  string(REPLACE "\\" "\\\\" text "${text}")
  string(REPLACE "\"" "\\\"" text "${text}")
  set(${out} "\"${text}\"" PARENT_SCOPE)
endfunction()

# append(LIST VALUE): to the list in `document`.
function(append list value)
  string(JSON length LENGTH "${document}" ${list})
  string(JSON document SET "${document}" ${list} ${length} "${value}")
  set(document "${document}" PARENT_SCOPE)
endfunction()

# add_package(ID NAME VERSION LICENSE RELATIONSHIP): one that sigmoe has that relationship to, to `document`.
function(add_package id name version license relationship)
  set(package "{\"SPDXID\": \"SPDXRef-${id}\", \"name\": \"${name}\", \"downloadLocation\": \"NOASSERTION\",
    \"filesAnalyzed\": false,
    \"licenseConcluded\": \"${license}\", \"licenseDeclared\": \"${license}\", \"copyrightText\": \"NOASSERTION\"}")
  if(version)
    quoted(text "${version}")
    string(JSON package SET "${package}" versionInfo "${text}")
  endif()
  append(packages "${package}")
  append(relationships
    "{\"spdxElementId\": \"SPDXRef-sigmoe\", \"relationshipType\": \"${relationship}\", \"relatedSpdxElement\": \"SPDXRef-${id}\"}")
  set(document "${document}" PARENT_SCOPE)
endfunction()

set(needed "")
set(sums "")
foreach(file ${FILES})
  execute_process(COMMAND ${READELF} -dW ${file} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX REPLACE "[][]" "|" dynamic "${dynamic}") # in a list, brackets would keep elements together
  string(REGEX MATCHALL "Shared library: [|][^|]+" found "${dynamic}")
  list(TRANSFORM found REPLACE ".*[|]" "")
  list(APPEND needed ${found})
  file(SHA256 ${file} sum)
  string(APPEND sums ${sum})
endforeach()
list(FILTER needed EXCLUDE REGEX "^libsigmoe\\.so")
list(SORT needed)
list(REMOVE_DUPLICATES needed)
string(SHA256 namespace "${sums}")
string(TIMESTAMP created "%Y-%m-%dT%H:%M:%SZ" UTC)

set(document "{\"spdxVersion\": \"SPDX-2.3\", \"dataLicense\": \"CC0-1.0\", \"SPDXID\": \"SPDXRef-DOCUMENT\",
  \"name\": \"sigmoe-${VERSION}\", \"documentNamespace\": \"https://sigmoe.invalid/spdx/sigmoe-${VERSION}-${namespace}\",
  \"creationInfo\": {\"created\": \"${created}\", \"creators\": [\"Tool: sigmoe-sbom\"]},
  \"packages\": [{\"SPDXID\": \"SPDXRef-sigmoe\", \"name\": \"sigmoe\", \"versionInfo\": \"${VERSION}\",
    \"downloadLocation\": \"NOASSERTION\", \"filesAnalyzed\": false, \"licenseConcluded\": \"MIT\", \"licenseDeclared\": \"MIT\",
    \"copyrightText\": \"Copyright (c) 2026 The sigmoe authors\"}],
  \"relationships\": [{\"spdxElementId\": \"SPDXRef-DOCUMENT\", \"relationshipType\": \"DESCRIBES\",
    \"relatedSpdxElement\": \"SPDXRef-sigmoe\"}]}")
foreach(library ${needed})
  string(REGEX REPLACE "\\.so.*" "" stem ${library})
  if(NOT DEFINED license_${stem})
    message(WARNING "${library} is linked, and cmake/sbom.cmake does not know its licence")
    set(license_${stem} NOASSERTION)
  endif()
  execute_process(COMMAND ${CC} -print-file-name=${library} OUTPUT_VARIABLE path OUTPUT_STRIP_TRAILING_WHITESPACE)
  find_package_of("${path}" package version)
  string(REGEX REPLACE "[^A-Za-z0-9.-]" "-" id ${library})
  add_package(${id} ${library} "${version}" "${license_${stem}}" DYNAMIC_LINK)
  if(package)
    string(JSON last LENGTH "${document}" packages)
    math(EXPR last "${last} - 1")
    string(JSON document SET "${document}" packages ${last} sourceInfo "\"from the Debian package ${package}\"")
  endif()
endforeach()
if(HEADERS)
  find_package_of("${HEADERS}/Random123/philox.h" package version)
  add_package(Random123 Random123 "${version}" "${license_random123}" CONTAINS)
endif()
file(WRITE ${OUTPUT} "${document}\n")
