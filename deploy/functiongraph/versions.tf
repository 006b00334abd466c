terraform {
  required_version = ">= 1.5"

  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.74.0, < 2.0.0"
    }
  }
}

# Keys and account come from the environment: HW_ACCESS_KEY, HW_SECRET_KEY, HW_DOMAIN_NAME.
provider "huaweicloud" {
  region = var.region
}
