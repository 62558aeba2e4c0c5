"""What the outbox holds, carried out by hand: into a folder, or onto a stick that asks for it."""
