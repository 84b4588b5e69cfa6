package group_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
)

// modelRegressions are runs that once failed, of the model or of what it
// checks: each as gopter printed it. They are run before all others.
var modelRegressions = []string{
	// A relay shows one reader a Message before the Commit that overtook it.
	`initialState=mode(1) members(2) sequential=[join(1184562078003514083) join(2564518634772109243)
	serve(1604357360436899175) deceive(1302262207387493276) send(2627583508696467772) append(2758762079528060007)
	append(3469478694022472372) drain(0)]`,
	// Frames that one reader alone is shown put it at another place of the log.
	`initialState=mode(1) members(3) sequential=[serve(544745038064875034) harmless(3852941299836904846)
	newdevice(710247726603602187) leave(999267804667467414)]`,
	// A theft from a device that has such a place.
	`initialState=mode(2) members(4) sequential=[harmless(375563760258999527) join(3700918218532815979)
	join(1776712300919406314) readall(4518516590956228971) send(3713417069315673609) append(3828204643511013463)
	steal(781590740117485081) drain(0)]`,
	// A member turns hostile with an honest Message on its way, or another device.
	`initialState=mode(2) members(4) sequential=[join(1447644753664889748) join(3948790259149671697)
	send(1516608787551911244) leave(2811240001641332395) turn(3848813759789283627) drain(0)]`,
	`initialState=mode(0) members(4) sequential=[newdevice(3506595520915139005) turn(2427652128990049950) drain(0)]`,
	// A victim reads of its loss when another device of its has come back.
	`initialState=mode(2) members(5) sequential=[turn(3075087694063717819) attack(3201573565673375608)
	steal(2422227358408727308) newdevice(28277450963686703) recover(1443094467344638953) read(67469268735876434)]`,
	// A crash forgets what a device had heard.
	`initialState=mode(2) members(2) sequential=[send(1440955186563698825) serve(1293194166243744681)
	send(3203329281238189380) append(2939104751159450939) crash(693342057026870760)]`,
	// Something is pending for a deceived reader too, but not all of it.
	`initialState=mode(2) members(5) sequential=[attack(1191027907053695433) send(2684425790125063867)
	leave(649334043086366762) leave(3360588826321274050) deceive(4523787875040756580) join(1332221480368711718)
	append(3495231770321860942) drain(0)]`,
	// Two frames that cross, with no write between them.
	`initialState=mode(2) members(3) sequential=[deceive(1358769450780972035) serve(4447485009360641628)
	send(4076467664119907373) newdevice(3879694464175282015) attack(3649633143000451383) serve(545150475578325789)
	send(1924979365048146052) append(1589367584901391346) crash(3191950013186134930)]`,
	// An old store knows of older Messages.
	`initialState=mode(0) members(4) sequential=[attack(3463367669018602935) send(878093092945499191)
	race(4128274315635467321) send(1159134855418267972) oldstore(3627198592546280721) race(1639198770685466927)
	crash(98185560463273068) oldstore(654642583718509649)]`,
	// Frames read together take a member's keys, and then its place.
	`initialState=mode(2) members(4) sequential=[turn(519160748509064567) attack(380066495332097317)
	newdevice(2488852823142212722) serve(3644476297764701095) readall(494985136213553729)]`,
	`initialState=mode(0) members(4) sequential=[join(1651959641260376013) serve(4024874541140955516)
	attack(1201070652007806234) readall(4370268858069290067) steal(1264156696152310185) repeat(1737575238452587020)
	attack(3135567481440224717) repeat(1190125399480146666) newdevice(3534009218851776904)
	recover(1304406403763279134) readall(1263711101793907304)]`,
}

var scriptWord = regexp.MustCompile(`([a-z]+)\((\d+)\)`)

// replay runs a script.
func replay(t testing.TB, script string) error {
	var start modelState
	var list []modelCommand
	for _, word := range scriptWord.FindAllStringSubmatch(script, -1) {
		n, err := strconv.ParseUint(word[2], 10, 64)
		if err != nil {
			return err
		}
		switch word[1] {
		case "mode":
			start.mode = int(n)
		case "members":
			start.members = int(n)
		case "drain":
			list = append(list, modelCommand{action: drainAction})
		default:
			a, err := actionOf(word[1])
			if err != nil {
				return err
			}
			list = append(list, modelCommand{a, choice(n)})
		}
	}
	room := newModelRoom(t, start, newTally())
	for _, c := range list {
		if err := c.play(room); err != nil {
			return err
		}
	}
	return nil
}

func actionOf(name string) (action, error) {
	for _, a := range actions {
		if a.name == name {
			return a, nil
		}
	}
	return action{}, fmt.Errorf("no command is called %q", name)
}
