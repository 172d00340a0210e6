"""WeChat Pay's adapter against a counterpart that speaks API v3 and believes no request without its signature."""
