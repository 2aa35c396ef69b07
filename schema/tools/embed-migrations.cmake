# Writes the migrations as one C file, so that program and schema cannot be shipped apart.
#   cmake -DOUTPUT=migrations.c -P embed-migrations.cmake -- FILE...
set(files)
set(after_dashes FALSE)
math(EXPR last "${CMAKE_ARGC} - 1")
foreach(i RANGE ${last})
    if(after_dashes)
        list(APPEND files "${CMAKE_ARGV${i}}")
    elseif("${CMAKE_ARGV${i}}" STREQUAL "--")
        set(after_dashes TRUE)
    endif()
endforeach()

set(number 0)
set(texts "")
set(rows "")
foreach(path IN LISTS files)
    math(EXPR number "${number} + 1")
    get_filename_component(name "${path}" NAME)
    string(REGEX MATCH "^0*([0-9]+)_[a-z0-9_]+\\.sql$" ok "${name}")
    if(NOT ok OR NOT "${CMAKE_MATCH_1}" EQUAL number)
        message(FATAL_ERROR "${name}: migrations are numbered without a gap; expected number ${number}")
    endif()
    file(SHA256 "${path}" sha256)
    file(READ "${path}" hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${hex}")
    string(APPEND texts "static const unsigned char text_${number}[] = {${bytes}0x00};\n")
    string(APPEND rows "    {${number}, \"${name}\", \"${sha256}\", (const char *)text_${number}},\n")
endforeach()

file(WRITE "${OUTPUT}"
     "#include \"schema/migration.h\"\n\n${texts}\n"
     "const struct migration migrations[] = {\n${rows}};\n"
     "const size_t migration_count = ${number};\n")
