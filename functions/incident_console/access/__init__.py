"""Who may read the console: whom IAP vouches for, who knows its key, or who sits at the laptop it runs on."""
