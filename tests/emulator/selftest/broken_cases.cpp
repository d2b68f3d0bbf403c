#include "rig.h"
namespace selftest { void broken_cases() {} }
