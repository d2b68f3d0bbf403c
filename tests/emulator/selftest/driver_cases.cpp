#include "rig.h"
namespace selftest { void driver_cases() {} }
