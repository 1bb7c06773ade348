"""The RabbitMQ event log: a stream behind a topic exchange."""
