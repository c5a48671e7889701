# cmake -DINPUT=page.css -DOUTPUT=page_css.c -DNAME=page_css -P embed.cmake: a text as a constant array of C, with a 0 behind it.
file(READ ${INPUT} bytes HEX)
string(REGEX REPLACE "(................................)" "\\1\n" bytes "${bytes}")
string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${bytes}")
file(WRITE ${OUTPUT} "#include \"plot/page_files.h\"\n\nconst char ${NAME}[] = {\n${bytes}'\\0'};\n")
