# cmake -DINPUT=page.css -DOUTPUT=page_css.c -DNAME=page_css -DHEADER=plot/page_files.h -P embed.cmake: a text as a constant array of C, with a 0 behind it.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nconst char ${NAME}[] = {\n${bytes}'\\0'};\n")
