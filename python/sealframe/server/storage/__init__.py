"""Storage: tables and migrations, SQLite or PostgreSQL, compiled statements, group commit."""
