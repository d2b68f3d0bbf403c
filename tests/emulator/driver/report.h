// report.h: the last thing that went wrong, in words
#pragma once

#include <string>

namespace emulator {

// Keeps the text and gives the status back.
int report(int status, const std::string& text);

const std::string& last_report();
int last_reported_status();

// A kernel's error stays until the primary context is released for the last time, as on a device.
int sticky_status();
void set_sticky_status(int status);

const char* status_name(int status);
const char* status_text(int status);

}  // namespace emulator
