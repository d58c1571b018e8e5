"""What two or more functions need: the contracts they speak, the errors they mean, a room per thing outside."""
