"""What two or more functions need: the contracts they speak, the errors they mean, and one room per thing outside the house."""
