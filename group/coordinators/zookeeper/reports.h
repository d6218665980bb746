// What the state machine has to say to the program, in words.
#pragma once

#include <string>

#include <kwire/net/error.h>

#include "membership_protocol.h"

namespace kwire {

Error error_of(const action::ReportMissingTopic& a);
Error error_of(const action::ReportPlan& a, const std::string& group);
Error error_of(const action::ReportDisagreement& a);
Error error_of(const action::ReportBlocked& a, const std::string& group);
/// Of a rule that members of two kinds will never agree on.
Error error_of_kinds();

}  // namespace kwire
