-- One event: connect, run one SELECT, say good-bye.  For sysbench.

local driver = sysbench.sql.driver()

function event()
   local connection = driver:connect()
   connection:query("SELECT 1")
   connection:disconnect()
end
