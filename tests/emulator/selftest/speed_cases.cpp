#include "rig.h"
namespace selftest { void speed_cases() {} }
