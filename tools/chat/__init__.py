"""Language models as LangChain chat models: opened by name, scripted for tests and demos, and metered.

opening     open_chat: any provider that `init_chat_model` knows, hosted or on this machine
scripted    ScriptedChat: a chat model that says what it was told to say
meter       Meter: calls, tokens and seconds against limits
failures    what a provider's failure means, told without secrets
"""
