// The part of the Python extension's interface that Whetstone uses, answering with the interpreter in
// $WHETSTONE_ACTIVE_PYTHON; and files that are on no disk.
const vscode = require("vscode");

const FILES = { "/virtual/draft.py": "def name(customer):\n    return custmer\n" };
const FOLDERS = ["/", "/virtual"];

const refuse = (uri) => {
  throw vscode.FileSystemError.NoPermissions(uri);
};

class Memory {
  constructor() {
    this.onDidChangeFile = new vscode.EventEmitter().event;
  }
  watch() {
    return { dispose() {} };
  }
  stat({ path }) {
    if (FOLDERS.includes(path)) {
      return { type: vscode.FileType.Directory, ctime: 0, mtime: 0, size: 0 };
    }
    return { type: vscode.FileType.File, ctime: 0, mtime: 0, size: this.readFile({ path }).length };
  }
  readDirectory({ path }) {
    return path === "/virtual" ? [["draft.py", vscode.FileType.File]] : [];
  }
  readFile({ path }) {
    if (!(path in FILES)) {
      throw vscode.FileSystemError.FileNotFound(path);
    }
    return Buffer.from(FILES[path]);
  }
  writeFile({ path }, content) {
    FILES[path] = Buffer.from(content).toString();
  }
  // VS Code takes no provider without these, and nobody calls them.
  createDirectory = refuse;
  delete = refuse;
  rename = refuse;
}

exports.activate = () => {
  vscode.workspace.registerFileSystemProvider("memory", new Memory());
  let asked = false;
  const path = process.env.WHETSTONE_ACTIVE_PYTHON;
  return {
    asked: () => asked,
    environments: {
      getActiveEnvironmentPath: () => ({ id: "active", path }),
      resolveEnvironment: async (environment) => {
        asked = true;
        return { executable: { uri: vscode.Uri.file(environment.path) } };
      },
      onDidChangeActiveEnvironmentPath: new vscode.EventEmitter().event,
    },
  };
};
