package v1

// Config maps names of bitcoin.conf options to their values. A switch is "1" or "0": words are rejected,
// except where they are text. Options that the operator owns are rejected.
// Each of them has its own rule, so that the error names the option. Options with several values are in configLists.
//
// +kubebuilder:validation:MaxProperties=64
// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[a-z0-9]+$'))",message="config must map names of bitcoin.conf options, small letters and digits without '-', to values"
// +kubebuilder:validation:XValidation:rule="!self.exists(k, !(k in ['dustdynamic', 'uacomment', 'wallet']) && self[k].trim().lowerAscii() in ['true', 'false', 'yes', 'no', 'on', 'off', 'enable', 'enabled', 'disable', 'disabled'])",message="a switch in config must be '1' or '0', because bitcoind takes every word, true and yes too, for 0",messageExpression="self.filter(k, !(k in ['dustdynamic', 'uacomment', 'wallet']) && self[k].trim().lowerAscii() in ['true', 'false', 'yes', 'no', 'on', 'off', 'enable', 'enabled', 'disable', 'disabled'])[0] + \" in config must be '1' or '0', because bitcoind takes every word, true and yes too, for 0\""
// +kubebuilder:validation:XValidation:rule="!('chain' in self) && !('nochain' in self)",message="config may not set chain, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('regtest' in self) && !('noregtest' in self)",message="config may not set regtest, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('signet' in self) && !('nosignet' in self)",message="config may not set signet, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('testnet' in self) && !('notestnet' in self)",message="config may not set testnet, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('testnet4' in self) && !('notestnet4' in self)",message="config may not set testnet4, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('testnet3' in self) && !('notestnet3' in self)",message="config may not set testnet3, because the operator owns it: it runs regtest networks only"
// +kubebuilder:validation:XValidation:rule="!('datadir' in self) && !('nodatadir' in self)",message="config may not set datadir, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('blocksdir' in self) && !('noblocksdir' in self)",message="config may not set blocksdir, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('conf' in self) && !('noconf' in self)",message="config may not set conf, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('includeconf' in self) && !('noincludeconf' in self)",message="config may not set includeconf, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('allowignoredconf' in self) && !('noallowignoredconf' in self)",message="config may not set allowignoredconf, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('settings' in self) && !('nosettings' in self)",message="config may not set settings, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('pid' in self) && !('nopid' in self)",message="config may not set pid, because the operator owns it: it decides where bitcoind keeps its files"
// +kubebuilder:validation:XValidation:rule="!('daemon' in self) && !('nodaemon' in self)",message="config may not set daemon, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('daemonwait' in self) && !('nodaemonwait' in self)",message="config may not set daemonwait, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('server' in self) && !('noserver' in self)",message="config may not set server, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('printtoconsole' in self) && !('noprinttoconsole' in self)",message="config may not set printtoconsole, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('debuglogfile' in self) && !('nodebuglogfile' in self)",message="config may not set debuglogfile, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('reindex' in self) && !('noreindex' in self)",message="config may not set reindex, because the operator owns it: it decides how bitcoind runs in the pod"
// +kubebuilder:validation:XValidation:rule="!('rest' in self) && !('norest' in self)",message="config may not set rest, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcallowip' in self) && !('norpcallowip' in self)",message="config may not set rpcallowip, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcauth' in self) && !('norpcauth' in self)",message="config may not set rpcauth, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcauthfile' in self) && !('norpcauthfile' in self)",message="config may not set rpcauthfile, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcbind' in self) && !('norpcbind' in self)",message="config may not set rpcbind, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpccookiefile' in self) && !('norpccookiefile' in self)",message="config may not set rpccookiefile, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpccookieperms' in self) && !('norpccookieperms' in self)",message="config may not set rpccookieperms, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcpassword' in self) && !('norpcpassword' in self)",message="config may not set rpcpassword, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcport' in self) && !('norpcport' in self)",message="config may not set rpcport, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcuser' in self) && !('norpcuser' in self)",message="config may not set rpcuser, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcwhitelist' in self) && !('norpcwhitelist' in self)",message="config may not set rpcwhitelist, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('rpcwhitelistdefault' in self) && !('norpcwhitelistdefault' in self)",message="config may not set rpcwhitelistdefault, because the operator owns it: it needs RPC access of its own, and users get access with spec.secret"
// +kubebuilder:validation:XValidation:rule="!('addnode' in self) && !('noaddnode' in self)",message="config may not set addnode, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('bind' in self) && !('nobind' in self)",message="config may not set bind, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('connect' in self) && !('noconnect' in self)",message="config may not set connect, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('dns' in self) && !('nodns' in self)",message="config may not set dns, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('forcednsseed' in self) && !('noforcednsseed' in self)",message="config may not set forcednsseed, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('listen' in self) && !('nolisten' in self)",message="config may not set listen, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('maxconnections' in self) && !('nomaxconnections' in self)",message="config may not set maxconnections, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('networkactive' in self) && !('nonetworkactive' in self)",message="config may not set networkactive, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('onlynet' in self) && !('noonlynet' in self)",message="config may not set onlynet, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('port' in self) && !('noport' in self)",message="config may not set port, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('proxy' in self) && !('noproxy' in self)",message="config may not set proxy, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('seednode' in self) && !('noseednode' in self)",message="config may not set seednode, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="!('whitebind' in self) && !('nowhitebind' in self)",message="config may not set whitebind, because the operator owns it: it connects the nodes as spec.topology specifies"
// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('zmqpub') || k.endsWith('hwm') || self[k].matches('^tcp://(0[.]0[.]0[.]0|127[.]0[.]0[.]1|localhost|[*]|[[]::[]]):(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$'))",message="a ZMQ address in config must be tcp://0.0.0.0:PORT, tcp://[::]:PORT, tcp://*:PORT or tcp://127.0.0.1:PORT, because bitcoind switches all its publishers off, without an error, when it cannot use one of their addresses; spec.zmq needs no addresses",messageExpression="'config sets ' + self.filter(k, k.startsWith('zmqpub') && !k.endsWith('hwm') && !self[k].matches('^tcp://(0[.]0[.]0[.]0|127[.]0[.]0[.]1|localhost|[*]|[[]::[]]):(6553[0-5]|655[0-2][0-9]|65[0-4][0-9]{2}|6[0-4][0-9]{3}|[1-5][0-9]{4}|[1-9][0-9]{0,3})$'))[0] + ' to an address that cannot be used: it must be tcp://0.0.0.0:PORT, tcp://[::]:PORT, tcp://*:PORT or tcp://127.0.0.1:PORT, because bitcoind switches all its publishers off, without an error, when it cannot use one of their addresses; spec.zmq needs no addresses'"
// +kubebuilder:validation:XValidation:rule="self.all(k, !k.startsWith('zmqpub') || !k.endsWith('hwm') || self[k].matches('^[0-9]{1,9}$'))",message="a high-water mark of ZMQ in config (zmqpub…hwm) must be a number, because bitcoind reads other text as 0, which is no limit"
type Config map[string]ConfigValue

// ConfigLists maps names of bitcoin.conf options that bitcoind takes several times, such as debug, to their values. It is a field of
// its own because a structural schema has no type for a string or a list. The options that the operator owns are those of Config.
//
// +kubebuilder:validation:MaxProperties=16
// +kubebuilder:validation:XValidation:rule="self.all(k, k.matches('^[a-z0-9]+$'))",message="configLists must map names of bitcoin.conf options, small letters and digits without '-', to lists of values"
// +kubebuilder:validation:XValidation:rule="!self.exists(k, k.matches('^(no)?(chain|regtest|signet|testnet|testnet4|testnet3|datadir|blocksdir|conf|includeconf|allowignoredconf|settings|pid|daemon|daemonwait|server|printtoconsole|debuglogfile|reindex|rest|rpcallowip|rpcauth|rpcauthfile|rpcbind|rpccookiefile|rpccookieperms|rpcpassword|rpcport|rpcuser|rpcwhitelist|rpcwhitelistdefault|addnode|bind|connect|dns|forcednsseed|listen|maxconnections|networkactive|onlynet|port|proxy|seednode|whitebind)$'))",message="configLists may not set an option that the operator owns: those that config may not set",messageExpression="'configLists may not set ' + self.filter(k, k.matches('^(no)?(chain|regtest|signet|testnet|testnet4|testnet3|datadir|blocksdir|conf|includeconf|allowignoredconf|settings|pid|daemon|daemonwait|server|printtoconsole|debuglogfile|reindex|rest|rpcallowip|rpcauth|rpcauthfile|rpcbind|rpccookiefile|rpccookieperms|rpcpassword|rpcport|rpcuser|rpcwhitelist|rpcwhitelistdefault|addnode|bind|connect|dns|forcednsseed|listen|maxconnections|networkactive|onlynet|port|proxy|seednode|whitebind)$'))[0] + ', because the operator owns it'"
// +kubebuilder:validation:XValidation:rule="!self.exists(k, !(k in ['dustdynamic', 'uacomment', 'wallet']) && self[k].exists(v, v.trim().lowerAscii() in ['true', 'false', 'yes', 'no', 'on', 'off', 'enable', 'enabled', 'disable', 'disabled']))",message="a switch in config must be '1' or '0', because bitcoind takes every word, true and yes too, for 0",messageExpression="self.filter(k, !(k in ['dustdynamic', 'uacomment', 'wallet']) && self[k].exists(v, v.trim().lowerAscii() in ['true', 'false', 'yes', 'no', 'on', 'off', 'enable', 'enabled', 'disable', 'disabled']))[0] + \" in config must be '1' or '0', because bitcoind takes every word, true and yes too, for 0\""
// +kubebuilder:validation:XValidation:rule="self.all(k, !k.matches('^(no)?zmqpub'))",message="configLists may not set the options zmqpub…: use spec.zmq, or one address for each of them in config"
type ConfigLists map[string]ConfigValues

// ConfigValues are the values of one bitcoin.conf option, in their order.
//
// +listType=atomic
// +kubebuilder:validation:MaxItems=32
type ConfigValues []ConfigValue

// ConfigValue is the value of a bitcoin.conf option.
//
// +kubebuilder:validation:MaxLength=512
// +kubebuilder:validation:XValidation:rule="!self.matches('[\\r\\n]')",message="a value in config must be one line"
// +kubebuilder:validation:XValidation:rule="!self.contains('#')",message="a value in config may not contain '#', because bitcoind ignores the rest of the line"
type ConfigValue string
