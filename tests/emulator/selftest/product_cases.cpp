#include "rig.h"
namespace selftest { void product_cases() {} }
