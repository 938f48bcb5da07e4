"""Who you are: organizations, users, memberships, sessions and API keys. The only writer of those tables."""
