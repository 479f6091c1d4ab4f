// What the agent says of its machine.
#pragma once

#include "agent/agent.h"
#include "settings.h"

namespace cadastre {

/// The agent's settings from the program's, with the machine's name and the mark of its last start.
AgentSettings agent_settings(const Settings& settings);

/// What is told when the node is entered, before anything has been proved of it.
NodeFacts first_facts(const Settings& settings);

}  // namespace cadastre
