// oneDNN's versions, "2.6.0": of the headers that this was compiled with, and of the library that is loaded.
#pragma once

enum { ONEDNN_VERSION_SIZE = 36 };

void onednn_versions(char compiled[ONEDNN_VERSION_SIZE], char loaded[ONEDNN_VERSION_SIZE]);
