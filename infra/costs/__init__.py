"""What incidents cost, and which limit they reach first: from counts, list prices and documented quotas."""
