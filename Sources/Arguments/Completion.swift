/// A shell that completes command lines.
package enum Shell: String, CaseIterable, Sendable {
    case bash, zsh
}

extension CommandTable {
    /// What makes a shell complete the command line of the program.
    package func completion(for shell: Shell) -> String {
        switch shell {
        case .bash: bashCompletion
        case .zsh: zshCompletion
        }
    }

    /// The parts that both shells have in common: how words are told apart, and which command they are of. They leave in `command` the
    /// command, in `place` how many operands there are before the word at the cursor, in `expects` the option whose value that word is.
    ///
    /// - Parameters:
    ///   - loop: the beginning of the loop over the words before the cursor.
    ///   - word: one of them.
    ///   - first: the index of the first element of an array.
    private func scanning(loop: String, word: String, first: String) -> String {
        let valued = options.filter { $0.placeholder != nil }.flatMap(spellings)
        let lines = commands.sorted { $0.words.count > $1.words.count }.map { command in
            let pattern = command.words.count > 1 ? "'\(command.name)'" : "'\(command.name) '*"
            return "    \(pattern)) command='\(command.name)' place=$((${#words_given[@]} - \(command.words.count))) ;;"
        }
        return """
                local word expects='' command='' place=0
                local -a words_given=() connection=()
                \(loop)
                    word=\(word)
                    if [[ -n $expects ]]; then
                        # The equals sign is a word of its own for bash.
                        [[ $word == '=' ]] && continue
                        case $expects in
                        \(connecting.flatMap(spellings).joined(separator: " | "))) connection+=("$expects" "$word") ;;
                        esac
                        expects=''
                        continue
                    fi
                    case $word in
                    \(connecting.map { "--\($0.name)=*" }.joined(separator: " | "))) connection+=("$word") ;;
                    \(valued.joined(separator: " | "))) expects=$word ;;
                    -*) ;;
                    *) words_given+=("$word") ;;
                    esac
                done
                case "${words_given[\(first)]-} ${words_given[\(first) + 1]-}" in
            \(lines.joined(separator: "\n"))
                esac
            """
    }

    /// The options that say where the words come from that the program prints.
    private var connecting: [CommandOption] { options.filter { common.contains($0.name) && $0.placeholder != nil } }

    private func spellings(_ option: CommandOption) -> [String] {
        ["--\(option.name)"] + (option.letter.map { ["-\($0)"] } ?? [])
    }

    /// The cases of a value or an operand, each with what offers its words.
    ///
    /// - Parameters:
    ///   - files: what offers the names of files.
    ///   - words: what offers the words behind it.
    ///   - lines: what offers the lines that the program prints with the arguments behind it.
    private func cases(files: String, words: String, lines: String) -> (values: String, operands: String) {
        func offer(_ kind: WordKind) -> String? {
            switch kind {
            case .free: nil
            case .file: files
            case .words(let list): words + list.joined(separator: " ")
            case .printed(let lists): lists.map { lines + $0.joined(separator: " ") }.joined(separator: "; ")
            }
        }
        let values = options.compactMap { option -> String? in
            guard option.placeholder != nil else { return nil }
            return "    \(spellings(option).joined(separator: " | "))) \(offer(option.kind) ?? ":") ;;"
        }
        let operands = commands.flatMap { command in
            command.operands.enumerated().compactMap { place, operand in
                offer(operand.kind).map { "    '\(command.name) \(place)') \($0) ;;" }
            }
        }
        return (values.joined(separator: "\n"), operands.joined(separator: "\n"))
    }

    /// The cases of the first words of commands of two words.
    private func groupCases(_ offer: (String) -> String) -> String {
        let groups = Set(commands.filter { $0.words.count > 1 }.map { $0.words[0] })
        return groups.sorted().map { "    \($0)) \(offer($0)) ;;\n" }.joined()
    }

    /// The cases of the options of each command.
    private func optionCases(_ list: ([CommandOption]) -> String) -> String {
        let ends = allOptions.suffix(2)
        let lines = commands.map { "    '\($0.name)') \(list(options(of: $0) + ends)) ;;" }
        return (lines + ["    *) \(list(options.filter { common.contains($0.name) } + ends)) ;;"]).joined(separator: "\n")
    }

    private func quoted(_ text: String) -> String {
        "'" + text.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}

// MARK: - bash

extension CommandTable {
    private var bashCompletion: String {
        let function = "_\(program)"
        let offer = "\(function)_offer "
        let (values, operands) = cases(files: "compopt -o default", words: offer, lines: "\(function)_print ")
        let groups = groupCases { offer + words(after: [$0]).joined(separator: " ") }
        return """
            # Completion of \(program) for bash: eval "$(\(program) completion bash)", or a file in /usr/share/bash-completion/completions.

            # Offers words that begin as the word at the cursor does. They may be of others, so nothing in them is expanded.
            \(function)_offer() {
                local candidate
                for candidate; do
                    [[ $candidate == "$current"* ]] && COMPREPLY+=("$(printf %q "$candidate")")
                done
            }

            # Offers the lines that the program prints.
            \(function)_print() {
                local -a lines=()
                mapfile -t lines < <("$program" "${connection[@]}" --timeout 2 "$@" 2>/dev/null)
                \(function)_offer "${lines[@]}"
                # bash replaces only what is behind the last colon.
                local colon=${current%"${current##*:}"} i
                if [[ $current == *:* && $COMP_WORDBREAKS == *:* ]]; then
                    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$colon"}; done
                fi
            }

            \(function)() {
                local program=$1 current=$2 i
                COMPREPLY=()
                # As bash splits words at colons, the last part is not the whole word.
                local last=$COMP_CWORD
                while ((last > 1)) && [[ ${COMP_WORDS[last]} == ':' || ${COMP_WORDS[last - 1]} == ':' ]]; do last=$((last - 1)); done
                current=''
                for ((i = last; i <= COMP_CWORD; i++)); do current+=${COMP_WORDS[i]}; done
            \(scanning(loop: "for ((i = 1; i < last; i++)); do", word: "${COMP_WORDS[i]}", first: "0"))
                [[ -n $expects && $current == '=' ]] && current=''
                case $expects in
                '') ;;
            \(values)
                esac
                [[ -n $expects ]] && return
                if [[ $current == -* ]]; then
                    case $command in
            \(optionCases { offer + $0.flatMap(spellings).joined(separator: " ") })
                    esac
                    return
                fi
                case "$command $place" in
            \(operands)
                esac
                [[ -n $command ]] && return
                case ${words_given[0]-} in
                '') \(function)_offer \(words(after: []).joined(separator: " ")) ;;
            \(groups)    esac
            }

            complete -F \(function) \(program)

            """
    }
}

// MARK: - zsh

extension CommandTable {
    private var zshCompletion: String {
        let function = "_\(program)"
        let (values, operands) = cases(files: "_files", words: "compadd -- ", lines: "\(function)_print ")
        let groups = groupCases { "offered=(\(described(after: [$0]))); _describe -t commands 'command' offered" }
        return """
            #compdef \(program)
            # Completion of \(program) for zsh: source <(\(program) completion zsh), or a file _\(program) in a folder of $fpath.

            # Offers the lines that the program prints.
            \(function)_print() {
                local -a lines
                lines=("${(@f)$($program "${connection[@]}" --timeout 2 "$@" 2>/dev/null)}")
                compadd -- "${(@)lines:#}"
            }

            \(function)() {
                local program=$words[1] current=$words[CURRENT] i
                local -a offered
            \(scanning(loop: "for ((i = 2; i < CURRENT; i++)); do", word: "${(Q)words[i]}", first: "1"))
                case $expects in
                '') ;;
            \(values)
                esac
                [[ -n $expects ]] && return
                if [[ $current == -* ]]; then
                    case $command in
            \(optionCases { list in
                "offered=(" + list.flatMap { option in spellings(option).map { quoted(described($0, option.help)) } }.joined(separator: " ") + ")"
            })
                    esac
                    _describe -o -t options 'option' offered
                    return
                fi
                case "$command $place" in
            \(operands)
                esac
                [[ -n $command ]] && return
                case ${words_given[1]-} in
                '') offered=(\(described(after: []))); _describe -t commands 'command' offered ;;
            \(groups)    esac
            }

            if [[ $funcstack[1] == \(function) ]]; then \(function) "$@"; else compdef \(function) \(program); fi

            """
    }

    /// The words that may follow, each with what it does.
    private func described(after words: [String]) -> String {
        self.words(after: words).map { word in
            let whole = words + [word]
            let meaning = commands.first { $0.words == whole }?.summary ?? self.words(after: whole).joined(separator: ", ")
            return quoted(described(word, meaning))
        }.joined(separator: " ")
    }

    private func described(_ word: String, _ meaning: String) -> String { "\(word):\(meaning)" }
}
