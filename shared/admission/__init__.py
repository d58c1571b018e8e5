"""What keeps a storm of alerts small: windows of services, holds, brakes, maintenance windows."""
