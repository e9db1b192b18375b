-- One event: a statement of a certain size, with an answer of a certain size.  For sysbench.
-- Each client has one of so many session states, which differ in one variable.

sysbench.cmdline.options = {
   shape = {"What the statement is: point, literal, list or rows", "point"},
   bytes = {"About how long it is, or its answer (rows)", 0},
   states = {"How many different states the clients' sessions have", 1},
}

local function statement()
   local shape, bytes = sysbench.opt.shape, sysbench.opt.bytes
   if shape == "literal" then
      return "SELECT LENGTH('" .. string.rep("x", bytes - 17) .. "')"
   elseif shape == "list" then
      return "SELECT 1 IN (" .. string.rep("10000, ", (bytes - 19) / 7) .. "10000)"
   elseif shape == "rows" then
      -- A row is 100 bytes on the wire.
      return "SELECT REPEAT('x', 95) FROM thousand a JOIN thousand b LIMIT " .. bytes / 100
   end
end

function thread_init()
   connection = sysbench.sql.driver():connect()
   local state = sysbench.tid % sysbench.opt.states
   connection:query("SET SESSION group_concat_max_len = " .. 1024 + state)
   text = statement()
end

function event()
   -- Another number each time, as in an application's point selects.
   local sent = text or "SELECT n FROM thousand WHERE n = " .. sysbench.rand.uniform(0, 999)
   local result = connection:query(sent)
   if result then result:free() end
end

function thread_done()
   connection:disconnect()
end
