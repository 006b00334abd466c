terraform {
  required_version = ">= 1.5"

  required_providers {
    huaweicloud = {
      source  = "huaweicloud/huaweicloud"
      version = ">= 1.75.2, < 2.0.0" # the first that documents enable_lts_log of a function
    }
  }
}

# Keys and account come from the environment: HW_ACCESS_KEY, HW_SECRET_KEY, HW_DOMAIN_NAME.
provider "huaweicloud" {
  region = var.region
}
