"""What is remembered: tables made from definitions, immutable releases, history, outbox and files, on two databases."""
