// page.css and page.js, as the build makes them into C (cmake/embed.cmake); each ends in a 0.
#pragma once

extern const char page_css[], page_js[];
